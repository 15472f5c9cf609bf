using DotnetPprof.Model;

namespace DotnetPprof.Session;

/// <summary>A stretch of time by the clock that samples have, and by the one that people have.</summary>
/// <param name="From">CLOCK_MONOTONIC of its begin.</param>
/// <param name="To">CLOCK_MONOTONIC of its end, which is the next one's begin.</param>
/// <param name="WallFrom">The begin as the wall clock showed it.</param>
/// <param name="WallTo">The end as the wall clock was going to show it.</param>
internal readonly record struct WindowBounds(MonotonicNanos From, MonotonicNanos To, UnixNanos WallFrom, UnixNanos WallTo);

/// <summary>
/// Cuts time into windows whose ends are multiples of their length on the wall clock. They abut exactly on the monotonic
/// clock, which samples are timed by; and on the wall clock too, unless that was stepped.
/// </summary>
/// <param name="lengthNanos">Of a window; a second or more.</param>
internal sealed class WindowSchedule(long lengthNanos)
{
    /// <summary>The kernel slews its clock by no more than 500 ppm; twice that is a step.</summary>
    private const long StepDivisor = 1_000;

    private const long ReadingNanos = 1_000_000;

    /// <summary>How far the wall clock was found to have been stepped, summed up; nanoseconds.</summary>
    public long SteppedNanos { get; private set; }

    /// <param name="previous">The window that it follows; null for the first, or after a gap.</param>
    /// <param name="now">CLOCK_MONOTONIC; begin of a window that follows none.</param>
    /// <param name="wallAhead">What CLOCK_REALTIME shows more than CLOCK_MONOTONIC just now.</param>
    public WindowBounds Next(WindowBounds? previous, MonotonicNanos now, long wallAhead)
    {
        MonotonicNanos from = previous?.To ?? now;
        long wallFrom = from.Value + wallAhead;
        if (previous is { } before)
        {
            long step = wallFrom - before.WallTo.Value;
            if (Math.Abs(step) <= (before.To.Value - before.From.Value) / StepDivisor + ReadingNanos)
                wallFrom = before.WallTo.Value;
            else
                SteppedNanos += step;
        }
        long wallTo = wallFrom - Modulo(wallFrom, lengthNanos) + lengthNanos;
        /* A first window of a moment would say nothing. */
        if (wallTo - wallFrom < lengthNanos / 10)
            wallTo += lengthNanos;
        return new WindowBounds(from, new MonotonicNanos(wallTo - wallAhead), new UnixNanos(wallFrom), new UnixNanos(wallTo));
    }

    private static long Modulo(long value, long divisor) => (value % divisor + divisor) % divisor;
}
