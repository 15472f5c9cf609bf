using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Clock;

/// <summary>One reading of the system's clocks between two readings of the sampling clock.</summary>
/// <param name="TicksBefore">The sampling clock before the two below were read.</param>
/// <param name="TicksAfter">And after. Both readings lie in between, which is what bounds the anchor's error.</param>
/// <param name="Realtime">CLOCK_REALTIME.</param>
/// <param name="Monotonic">CLOCK_MONOTONIC.</param>
internal readonly record struct ClockAnchor(Ticks TicksBefore, Ticks TicksAfter, UnixNanos Realtime, MonotonicNanos Monotonic)
{
    public static ClockAnchor From(in RegionAnchor anchor) => new(
        new Ticks(anchor.TicksBefore), new Ticks(anchor.TicksAfter), new UnixNanos(anchor.RealtimeNs), new MonotonicNanos(anchor.MonotonicNs));
}

/// <summary>A stretch of the sampling clock between two anchors.</summary>
/// <param name="From">Its first tick.</param>
/// <param name="To">Its last tick.</param>
/// <param name="ErrorBoundNanos">How far a time mapped in it can be off, in nanoseconds; see <see cref="TickMap"/>.</param>
internal readonly record struct ClockSegment(Ticks From, Ticks To, long ErrorBoundNanos);
