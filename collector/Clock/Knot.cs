namespace DotnetPprof.Clock;

/// <summary>An accepted anchor: a point that the mapping passes through.</summary>
/// <param name="Offset">The middle of the anchor's bracket, in ticks since the first anchor's.</param>
/// <param name="EndOffset">The end of the bracket.</param>
/// <param name="Monotonic">CLOCK_MONOTONIC, nanoseconds.</param>
/// <param name="Wall">CLOCK_REALTIME without the steps it made since the first anchor, nanoseconds since 1970.</param>
/// <param name="WidthNanos">The bracket's width; the readings were within half of it of the middle.</param>
/// <param name="BoundNanos">The error bound of the line that ends here where knots on its way were left out; else 0.</param>
internal readonly record struct Knot(long Offset, long EndOffset, long Monotonic, long Wall, long WidthNanos, long BoundNanos = 0)
{
    public long ErrorNanos => WidthNanos / 2 + 1;
}

/// <summary>A rate of nanoseconds over ticks, as measured between two knots or as stated.</summary>
/// <param name="Nanos">0 or more.</param>
/// <param name="Ticks">1 or more.</param>
internal readonly record struct ClockRate(long Nanos, long Ticks)
{
    public static ClockRate Between(Knot from, Knot to) => new(to.Monotonic - from.Monotonic, to.Offset - from.Offset);

    public static ClockRate WallBetween(Knot from, Knot to) => new(to.Wall - from.Wall, to.Offset - from.Offset);

    public long NanosOf(long ticks) => Scale.Floor(ticks, Nanos, Ticks);
}
