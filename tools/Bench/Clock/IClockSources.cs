namespace DotnetPprof.Bench.Clock;

/// <summary>A clock that samples can be stamped with.</summary>
/// <param name="Name">As <c>--clock</c> names it.</param>
/// <param name="Pointer">A <c>delegate* unmanaged[SuppressGCTransition]&lt;ulong&gt;</c>; 0: not on this machine.</param>
/// <param name="Verdict">What the agent's probes say of it.</param>
internal readonly record struct ClockSource(string Name, nint Pointer, string Verdict);

internal interface IClockSources
{
    IReadOnlyList<ClockSource> All { get; }
}

/// <summary>Where the benchmarks get their clocks from: the one place to change when that is somewhere else.</summary>
internal static class ClockSources
{
    private static readonly IClockSources source = new AgentClockSources();

    internal static IReadOnlyList<ClockSource> All => source.All;

    internal static IEnumerable<string> Names => source.All.Select(clock => clock.Name);

    internal static IEnumerable<string> AvailableNames => source.All.Where(clock => clock.Pointer != 0).Select(clock => clock.Name);

    internal static ClockSource Get(string name) => source.All.First(clock => clock.Name == name);
}
