using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Overhead;

/// <summary>A perf event on each busy thread, which nobody reads: the kernel's own price of a timer interrupt.</summary>
internal sealed class Floor(int rateHz) : IContender
{
    internal const string Label = "floor: perf event, not read";

    public string Name => Label;

    public int? RateHz => rateHz;

    public IProfiling Start(WorkTarget target) => new Events([.. target.Tids.Select(tid => new PerfEvent(tid, 1_000_000_000 / rateHz))]);

    private sealed class Events(PerfEvent[] events) : IProfiling
    {
        public long? Samples => events.Sum(one => one.Samples);

        public double? Stop() => null;

        public void Dispose()
        {
            foreach (PerfEvent one in events)
                one.Dispose();
        }
    }
}
