using DotnetPprof.Bench.Clock;
using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Compare;

/// <summary>A clock, read in a loop from C, or in the sampling routine.</summary>
internal sealed class ClockMeasurement : IMeasurement
{
    private const ulong Calls = 1_000_000;

    private readonly ClockSource clock;
    private readonly bool inRoutine;

    internal ClockMeasurement(string name, bool inRoutine)
    {
        clock = ClockSources.Get(name);
        if (clock.Pointer == 0)
            throw new BenchException($"the clock '{name}' has {clock.Verdict}");
        this.inRoutine = inRoutine;
    }

    public string Name => inRoutine ? $"the sampling routine with {clock.Name}" : clock.Name;

    public unsafe double Measure()
    {
        if (inRoutine)
            return RoutineRun.MeasureOnce(clock.Name);
        ulong before = Libc.ThreadCpuNanoseconds();
        ClockLoop.Pointer((void*)clock.Pointer, Calls);
        return (Libc.ThreadCpuNanoseconds() - before) / (double)Calls;
    }
}
