using DotnetPprof.Clock;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Bench.GroundTruth;

/// <summary>Gives a map the anchors that an agent publishes, as the collector does.</summary>
internal sealed class AnchorFollower(RegionView region)
{
    private readonly ulong start = region.Control.StartAnchor;
    private ulong taken = region.Control.StartAnchor;
    private RegionAnchor first;
    private RegionAnchor last;

    internal TickMap Map { get; } = new(region.Control.ClockHz);

    internal long Count => (long)(taken - start);

    internal ulong First => first.TicksAfter;

    internal ulong Last => last.TicksBefore;

    internal double NanosPerTick => (last.MonotonicNs - first.MonotonicNs) / (double)(last.TicksBefore - first.TicksBefore);

    internal void Follow()
    {
        for (ulong count = Volatile.Read(ref region.Control.AnchorCount); taken < count; taken++)
        {
            last = region.Anchor(taken);
            if (taken == start)
                first = last;
            Map.Add(new ClockAnchor(new Ticks(last.TicksBefore), new Ticks(last.TicksAfter), new UnixNanos(last.RealtimeNs), new MonotonicNanos(last.MonotonicNs)));
        }
    }
}
