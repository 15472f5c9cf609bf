using DotnetPprof.Agent.Clock;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// Publishes anchors: both of the system's clocks, read between two reads of the sampling clock, from which the
/// collector maps every sample's ticks to the wall clock. The narrower the bracket, the better the map. A session's first
/// anchor is its tick zero.
/// </summary>
internal sealed unsafe class AnchorWriter(SharedRegion region)
{
    private const int Attempts = 8;

    /// <summary>A bracket this many times wider than the narrowest seen was interrupted.</summary>
    private const ulong LooseFactor = 4;

    /// <summary>20 µs: what the collector keeps without asking how good the others are.</summary>
    private const ulong CapPerSecond = 50_000;

    /// <summary>Anchors passed over in a row before a loose one is better than none: two seconds' worth.</summary>
    private const int Patience = 8;

    private RawClock _clock;
    private ulong _cap;
    private ulong _narrowest;
    private int _passedOver;

    /// <summary>Writes the session's first anchor, however wide.</summary>
    /// <param name="clock">The session's.</param>
    /// <param name="clockHz">Its ticks a second, roughly.</param>
    internal void Begin(RawClock clock, ulong clockHz)
    {
        _clock = clock;
        _cap = Math.Max(clockHz / CapPerSecond, 1);
        _narrowest = ulong.MaxValue;
        Write();
    }

    /// <summary>Writes one when its bracket is tight, or none has been for long.</summary>
    internal void WriteIfTight()
    {
        RegionAnchor anchor = BestOfSeveral();
        ulong width = Width(anchor);
        bool tight = width <= _cap && width / LooseFactor <= _narrowest;
        if (!tight && ++_passedOver < Patience)
            return;
        Publish(anchor);
    }

    /// <summary>Writes one in any case: a session's ends are mapped by it.</summary>
    internal void Write() => Publish(BestOfSeveral());

    private static ulong Width(in RegionAnchor anchor) => anchor.TicksAfter - anchor.TicksBefore;

    private RegionAnchor BestOfSeveral()
    {
        RegionAnchor best = Read();
        for (int i = 1; i < Attempts; i++)
        {
            RegionAnchor next = Read();
            if (Width(next) < Width(best))
                best = next;
        }
        return best;
    }

    private RegionAnchor Read()
    {
        RegionAnchor anchor = default;
        anchor.TicksBefore = _clock.Read();
        anchor.RealtimeNs = Libc.Now(Libc.ClockRealtime);
        anchor.MonotonicNs = Libc.Now(Libc.ClockMonotonic);
        anchor.TicksAfter = _clock.Read();
        return anchor;
    }

    private void Publish(in RegionAnchor anchor)
    {
        _passedOver = 0;
        _narrowest = Math.Min(_narrowest, Width(anchor));
        RegionControl* control = region.Control;
        ulong count = control->AnchorCount;
        region.Anchors[count % RegionLayout.Anchors] = anchor;
        Volatile.Write(ref control->AnchorCount, count + 1);
    }
}
