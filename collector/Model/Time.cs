namespace DotnetPprof.Model;

/// <summary>A raw reading of the target's sampling clock; its unit is the clock's own (TSC cycles or nanoseconds).</summary>
public readonly record struct Ticks(ulong Value) : IComparable<Ticks>
{
    public int CompareTo(Ticks other) => Value.CompareTo(other.Value);
}

/// <summary>Nanoseconds since 1970-01-01T00:00:00Z (CLOCK_REALTIME).</summary>
public readonly record struct UnixNanos(long Value) : IComparable<UnixNanos>
{
    public int CompareTo(UnixNanos other) => Value.CompareTo(other.Value);
}

/// <summary>Nanoseconds of CLOCK_MONOTONIC, the clock of EventPipe's timestamps.</summary>
public readonly record struct MonotonicNanos(long Value) : IComparable<MonotonicNanos>
{
    public int CompareTo(MonotonicNanos other) => Value.CompareTo(other.Value);
}
