using DotnetPprof.Region;

namespace DotnetPprof.Agent.Clock;

/// <summary>
/// A clock source as the function that reads it, called without a GC transition or marshalling: the very pointer that
/// the signal handler stamps samples through.
/// <para>
/// Ticks are nanoseconds of CLOCK_MONOTONIC, but for <see cref="ClockKind.Tsc"/>, whose unit is the counter's own. They
/// never go backwards on one core. From one core to another CLOCK_MONOTONIC does not either, by the kernel's contract;
/// the time stamp counter may, by <see cref="TscHandOffSkewNs"/> at most: it is read without a fence, so a read may be
/// executed before the load that told its thread it was its turn.
/// </para>
/// </summary>
public readonly unsafe struct RawClock
{
    /// <summary>
    /// Nanoseconds: a processor's out-of-order window with a cache miss in it, and what the kernel's own warp test at
    /// boot may have missed.
    /// </summary>
    public const ulong TscHandOffSkewNs = 500;

    private readonly delegate* unmanaged[SuppressGCTransition]<ulong> _read;

    /// <param name="kind">What it reads; not <see cref="ClockKind.Auto"/>.</param>
    /// <param name="pointer">A <c>u64 (*)(void)</c> that never blocks, never throws and stays valid for ever.</param>
    public RawClock(ClockKind kind, void* pointer)
    {
        Kind = kind;
        _read = (delegate* unmanaged[SuppressGCTransition]<ulong>)pointer;
    }

    public ClockKind Kind { get; }

    public void* Pointer => _read;

    /// <summary>The clock's ticks, now.</summary>
    public ulong Read() => _read();
}
