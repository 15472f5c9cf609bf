using System.Globalization;

namespace DotnetPprof.Clock;

/// <summary>
/// Finds stretches where the wall clock ran at another rate against the sampling clock than in most of the capture:
/// slews (NTP, leap smears; at most 500 ppm), and anything faster, which is one of the two clocks standing still
/// (suspend) or changing its source.
/// </summary>
internal static class RateChanges
{
    private const long WindowNanos = 1_000_000_000;

    /// <summary>Temperature moves a crystal by a few ppm; what is noted must be more.</summary>
    private const long NotedPpm = 20;

    private const long FastestSlewPpm = 1_000;
    private const int Listed = 8;

    public static IEnumerable<string> Notes(IReadOnlyList<Knot> knots)
    {
        List<(Knot From, Knot To)> windows = Windows(knots);
        if (windows.Count < 2)
            yield break;
        ClockRate usual = Median(windows);
        if (usual.Nanos == 0)
            yield break;

        int found = 0;
        for (int i = 0; i < windows.Count; i++)
        {
            long ppm = Ppm(windows[i], usual);
            if (ppm == 0)
                continue;
            int first = i;
            long most = ppm;
            while (i + 1 < windows.Count && Math.Sign(Ppm(windows[i + 1], usual)) == Math.Sign(ppm))
            {
                long next = Ppm(windows[++i], usual);
                most = Math.Abs(next) > Math.Abs(most) ? next : most;
            }
            if (++found <= Listed)
                yield return Describe(windows[first].From, windows[i].To, most);
        }
        if (found > Listed)
            yield return $"clock: the clocks' rates changed {found} times in all; only the first {Listed} are listed";
    }

    private static string Describe(Knot from, Knot to, long ppm)
    {
        string span = $"for {NoteText.Seconds(to.Wall - from.Wall)} from {NoteText.Time(from.Wall)}";
        return Math.Abs(ppm) <= FastestSlewPpm
            ? $"clock: the wall clock was slewed by up to {ppm.ToString("+0;-0", CultureInfo.InvariantCulture)} ppm {span}; times follow it"
            : $"clock: the sampling clock and the system's differ in rate by {ppm.ToString("+0;-0", CultureInfo.InvariantCulture)} ppm "
                + $"{span}: the machine slept or changed its clock; times there are uncertain";
    }

    /// <summary>Neighbouring knots joined to stretches of a second or more, over which a bracket's width is little.</summary>
    private static List<(Knot From, Knot To)> Windows(IReadOnlyList<Knot> knots)
    {
        var windows = new List<(Knot From, Knot To)>();
        int from = 0;
        for (int to = 1; to < knots.Count; to++)
        {
            if (knots[to].Wall - knots[from].Wall < WindowNanos)
                continue;
            windows.Add((knots[from], knots[to]));
            from = to;
        }
        return windows;
    }

    private static ClockRate Median(List<(Knot From, Knot To)> windows)
    {
        List<ClockRate> rates = [.. windows.Select(w => ClockRate.WallBetween(w.From, w.To))];
        rates.Sort((a, b) => ((Int128)a.Nanos * b.Ticks).CompareTo((Int128)b.Nanos * a.Ticks));
        return rates[rates.Count / 2];
    }

    /// <summary>How much faster than usual the wall clock ran, or 0 when that is within the noise.</summary>
    private static long Ppm((Knot From, Knot To) window, ClockRate usual)
    {
        long expected = usual.NanosOf(window.To.Offset - window.From.Offset);
        long excess = window.To.Wall - window.From.Wall - expected;
        if (expected == 0 || Math.Abs(excess) < window.From.WidthNanos + window.To.WidthNanos)
            return 0;
        Int128 ppm = (Int128)excess * 1_000_000 / expected;
        return Int128.Abs(ppm) < NotedPpm ? 0 : (long)Int128.Clamp(ppm, -1_000_000_000, 1_000_000_000);
    }
}
