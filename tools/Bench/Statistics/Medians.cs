namespace DotnetPprof.Bench.Statistics;

internal static class Medians
{
    /// <summary>The middle value, or the mean of the two in the middle.</summary>
    internal static double Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
            throw new ArgumentException("no values");
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>The median distance from the median: how much the values scatter, whatever a few outliers did.</summary>
    internal static double Deviation(IReadOnlyList<double> values)
    {
        double median = Of(values);
        return Of(values.Select(value => Math.Abs(value - median)));
    }
}
