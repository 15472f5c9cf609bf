namespace DotnetPprof.Bench.Budget;

/// <summary>A stretch of time in which sampling was on, or off, throughout.</summary>
/// <param name="IsOn">Whether samples were taken.</param>
/// <param name="From">CLOCK_MONOTONIC, nanoseconds.</param>
/// <param name="To">Likewise.</param>
internal readonly record struct Window(bool IsOn, long From, long To);

/// <summary>What sampling costs, by windows with it against those without right before and after.</summary>
internal static class Windows
{
    /* The edges are seen up to a millisecond late, and the first shots come with the tick. */
    private const long EdgeNanos = 6_000_000;
    private const long ShortestNanos = 30_000_000;

    /// <summary>By how much less work was done in each window with sampling: per CPU time of the thread, and per wall time.</summary>
    internal static List<(double Cpu, double Wall)> Slowdowns(IReadOnlyList<Window> windows, IReadOnlyList<Progress> work)
    {
        var slowdowns = new List<(double, double)>();
        (double Cpu, double Wall)?[] speeds = [.. windows.Select(window => SpeedIn(window, work))];
        for (int i = 1; i + 1 < speeds.Length; i++)
        {
            if (windows[i].IsOn && speeds[i - 1] is { } before && speeds[i] is { } on && speeds[i + 1] is { } after)
                slowdowns.Add((1 - (2 * on.Cpu / (before.Cpu + after.Cpu)), 1 - (2 * on.Wall / (before.Wall + after.Wall))));
        }
        return slowdowns;
    }

    /// <summary>Units of work per nanosecond; null in a window that is too short to tell.</summary>
    private static (double Cpu, double Wall)? SpeedIn(Window window, IReadOnlyList<Progress> work)
    {
        int first = FirstFrom(work, window.From + EdgeNanos);
        int last = FirstFrom(work, window.To - EdgeNanos) - 1;
        if (last <= first || work[last].Time - work[first].Time < ShortestNanos)
            return null;
        double units = work[last].Units - work[first].Units;
        return (units / (work[last].CpuNanos - work[first].CpuNanos), units / (work[last].Time - work[first].Time));
    }

    private static int FirstFrom(IReadOnlyList<Progress> work, long time)
    {
        int low = 0;
        for (int high = work.Count; low < high;)
        {
            int middle = (low + high) / 2;
            if (work[middle].Time < time)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
