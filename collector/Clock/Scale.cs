namespace DotnetPprof.Clock;

/// <summary>Integer arithmetic on clock readings that saturates instead of overflowing.</summary>
internal static class Scale
{
    /// <summary>⌊value × numerator / denominator⌋, at most <see cref="long.MaxValue"/>.</summary>
    /// <param name="value">0 or more.</param>
    /// <param name="numerator">0 or more.</param>
    /// <param name="denominator">1 or more.</param>
    public static long Floor(long value, long numerator, long denominator)
    {
        ulong high = Math.BigMul((ulong)value, (ulong)numerator, out ulong low);
        UInt128 quotient = high == 0 ? low / (ulong)denominator : new UInt128(high, low) / (ulong)denominator;
        return quotient > long.MaxValue ? long.MaxValue : (long)quotient;
    }

    public static long Add(long a, long b) => Clamp((Int128)a + b);

    public static long Subtract(long a, long b) => Clamp((Int128)a - b);

    private static long Clamp(Int128 value) =>
        value > long.MaxValue ? long.MaxValue : value < long.MinValue ? long.MinValue : (long)value;
}
