namespace DotnetPprof.Aggregate;

/// <summary>Sums of counts that a target reported: a corrupt one must not turn a total negative.</summary>
internal static class Saturating
{
    /// <param name="a">0 or more.</param>
    /// <param name="b">0 or more.</param>
    public static long Add(long a, long b) => a > long.MaxValue - b ? long.MaxValue : a + b;
}
