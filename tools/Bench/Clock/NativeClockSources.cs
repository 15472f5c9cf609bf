using System.Runtime.InteropServices;
using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Clock;

/// <summary>The clocks as native/sources.c finds them.</summary>
internal sealed class NativeClockSources : IClockSources
{
    /// <summary>The runtime's native library, whose export the "runtime" clock is.</summary>
    internal static string RuntimeLibrary { get; } = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libSystem.Native.so");

    public IReadOnlyList<ClockSource> All { get; } = [.. new[] { "tsc", "runtime", "vdso", "stopwatch" }.Select(Find)];

    private static unsafe ClockSource Find(string name) => new(name, (nint)ClockLoop.Source(name, RuntimeLibrary));
}
