using System.Runtime.InteropServices;
using DotnetPprof.Agent.Clock;
using DotnetPprof.Region;

namespace DotnetPprof.Bench.Clock;

/// <summary>The agent's own clocks, probed as it probes them.</summary>
internal sealed class AgentClockSources : IClockSources
{
    /// <summary>The runtime's native library, whose export the "runtime" clock is; for the loop in C.</summary>
    internal static string RuntimeLibrary { get; } = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libSystem.Native.so");

    public IReadOnlyList<ClockSource> All { get; } = [.. ClockProbes.Kinds.ToArray().Reverse().Select(Probe)];

    private static unsafe ClockSource Probe(ClockKind kind)
    {
        ClockVerdict verdict = ClockProbes.Probe(kind);
        return new ClockSource(ClockSelection.Name(kind), verdict.Passed ? (nint)verdict.Clock.Pointer : 0, verdict.Text);
    }
}
