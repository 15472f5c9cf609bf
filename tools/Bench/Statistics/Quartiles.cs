namespace DotnetPprof.Bench.Statistics;

/// <summary>The middle of some values, and between what the middle half of them lies.</summary>
internal readonly record struct Quartiles(double Low, double Median, double High)
{
    /// <summary>Linear between the two nearest values.</summary>
    internal static Quartiles Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return new Quartiles(At(sorted, 0.25), At(sorted, 0.5), At(sorted, 0.75));
    }

    private static double At(double[] sorted, double quantile)
    {
        if (sorted.Length == 0)
            throw new ArgumentException("no values");
        double position = quantile * (sorted.Length - 1);
        int index = (int)position;
        double next = sorted[Math.Min(index + 1, sorted.Length - 1)];
        return sorted[index] + (position - index) * (next - sorted[index]);
    }
}
