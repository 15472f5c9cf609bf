namespace DotnetPprof.Clock;

/// <summary>Tells anchors that were read in one go from those that were interrupted, and counts what is dropped.</summary>
internal sealed class AnchorFilter
{
    /// <summary>A bracket this narrow is always good enough.</summary>
    private const long TightNanos = 20_000;

    /// <summary>However long there was no anchor, one that took longer than this is not one.</summary>
    private const long WidestNanos = 1_000_000;

    /// <summary>A crystal may drift by this much (20 ppm) while better anchors are waited for.</summary>
    private const long DriftDivisor = 50_000;

    private long tightest;
    private long slow;
    private long senseless;
    private long backward;
    private long backwardSince;

    public IEnumerable<string> Notes
    {
        get
        {
            if (slow > 0)
                yield return $"clock: {slow} anchors dropped, the thread that took them was interrupted";
            if (senseless > 0)
                yield return $"clock: {senseless} anchors dropped, their readings make no sense";
            if (backward > 0)
            {
                yield return $"clock: {backward} anchors dropped, the sampling clock or CLOCK_MONOTONIC went back after "
                    + $"{NoteText.Time(backwardSince)}; later times are not to be trusted";
            }
        }
    }

    public void Begin(long widthNanos) => tightest = widthNanos;

    public bool Accepts(long widthNanos, long sinceLastNanos)
    {
        long limit = Math.Max(TightNanos, Math.Max(Scale.Floor(tightest, 4, 1), Math.Min(WidestNanos, sinceLastNanos / DriftDivisor)));
        if (widthNanos > limit)
        {
            slow++;
            return false;
        }
        tightest = Math.Min(tightest, widthNanos);
        return true;
    }

    /// <summary>Whether an anchor of width <paramref name="first"/> is not worth keeping beside one of <paramref name="second"/>.</summary>
    public static bool IsFarLooser(long first, long second) => first > Math.Max(TightNanos, Scale.Floor(second, 4, 1));

    public void DropSenseless() => senseless++;

    public void DropBackward(long wall)
    {
        if (backward++ == 0)
            backwardSince = wall;
    }
}
