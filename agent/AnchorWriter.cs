using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>Publishes pairs of ticks and times, from which the collector maps every sample's ticks to the wall clock.</summary>
internal sealed unsafe class AnchorWriter(SharedRegion region, ClockChoice clock)
{
    private const int Attempts = 8;

    /// <summary>Reads both clocks between two tick reads, several times, and keeps the tightest.</summary>
    internal void Write()
    {
        RegionAnchor best = Read();
        for (int i = 1; i < Attempts; i++)
        {
            RegionAnchor next = Read();
            if (next.TicksAfter - next.TicksBefore < best.TicksAfter - best.TicksBefore)
                best = next;
        }
        RegionControl* control = region.Control;
        ulong count = control->AnchorCount;
        region.Anchors[count % RegionLayout.Anchors] = best;
        Volatile.Write(ref control->AnchorCount, count + 1);
    }

    private RegionAnchor Read()
    {
        RegionAnchor anchor = default;
        anchor.TicksBefore = clock.Read();
        anchor.RealtimeNs = Libc.Now(Libc.ClockRealtime);
        anchor.MonotonicNs = Libc.Now(Libc.ClockMonotonic);
        anchor.TicksAfter = clock.Read();
        return anchor;
    }
}
