using DotnetPprof.Agent.Interop;

namespace DotnetPprof.Agent;

/// <summary>The kernel's tick (CONFIG_HZ): how often a CPU-clock timer can expire.</summary>
internal static class KernelTick
{
    /// <summary>The coarse clock advances once per tick, so its resolution is the tick's length.</summary>
    internal static ulong Nanoseconds { get; } = Read();

    internal static ulong Hertz => (1_000_000_000 + Nanoseconds / 2) / Nanoseconds;

    private static ulong Read()
    {
        Libc.ClockGetResolution(Libc.ClockMonotonicCoarse, out Libc.TimeSpec time);
        return time.TotalNanoseconds > 0 ? (ulong)time.TotalNanoseconds : 4_000_000;
    }
}
