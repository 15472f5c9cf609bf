using DotnetPprof.Drain;
using DotnetPprof.Session;
using DotnetPprof.Tests.Harm;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>
/// How far a collector has come with a process's samples, by the memory that both share: what a test waits for whose
/// capture must hold samples before it goes on. How long they take is the machine's affair.
/// </summary>
internal static class DrainedRecords
{
    /// <summary>Waits until so many more records have been taken out than there were when this was called.</summary>
    internal static void Wait(int pid, ulong records)
    {
        using MappedRegion region = MappedRegion.Find(pid)!;
        ulong before = Sum(region.View);
        Eventually.True(() => Sum(region.View) - before is var more && more >= records && more < ulong.MaxValue / 2, $"{records} records of process {pid} were drained");
    }

    private static ulong Sum(RegionView view)
    {
        ulong sum = 0;
        for (uint i = 0; i < view.SlotsUsed; i++)
            sum += Volatile.Read(ref view.Slot(i).Tail);
        return sum;
    }
}
