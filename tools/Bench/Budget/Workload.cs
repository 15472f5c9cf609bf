using System.Runtime.CompilerServices;
using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Budget;

/// <summary>Work done until a moment.</summary>
/// <param name="Time">CLOCK_MONOTONIC, nanoseconds.</param>
/// <param name="CpuNanos">The thread's CPU clock.</param>
/// <param name="Units">Of work, all alike.</param>
internal readonly record struct Progress(long Time, long CpuNanos, long Units);

/// <summary>A thread that does the same over and over, and notes about every millisecond how far it has come.</summary>
internal sealed class Workload
{
    private const int RoundsPerUnit = 20_000;
    private const int UnitsPerNote = 40;

    private readonly Thread thread;
    private readonly List<Progress> notes = new(1 << 20);
    private volatile bool stop;
    private uint state = 1;

    internal Workload()
    {
        thread = new Thread(Run) { Name = "budget", IsBackground = true };
        thread.Start();
    }

    /// <returns>All that was noted, in order.</returns>
    internal IReadOnlyList<Progress> Stop()
    {
        stop = true;
        thread.Join();
        return notes;
    }

    private void Run()
    {
        for (long units = 0; !stop; units += UnitsPerNote)
        {
            notes.Add(new Progress(Libc.MonotonicNanoseconds(), (long)Libc.ThreadCpuNanoseconds(), units));
            for (int i = 0; i < UnitsPerNote; i++)
                state = Unit(state);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Unit(uint state)
    {
        for (int i = 0; i < RoundsPerUnit; i++)
        {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
        }
        return state;
    }
}
