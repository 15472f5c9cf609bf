using System.Diagnostics;
using DotnetPprof.Tests.Harm;

namespace DotnetPprof.Soak;

/// <summary>A process's resources over time, each reading taken while it does nothing.</summary>
/// <param name="whose">For messages.</param>
internal sealed class Resources(string whose)
{
    private const int Enough = 4;

    private static readonly (string What, Func<ProcessState, long> Of, long Tolerance)[] s_kinds =
    [
        ("file descriptors", state => state.Files, 8),
        ("threads", state => state.Threads, 12),
        ("mappings", state => state.Mappings, 150),
        (Growth.Memory, state => state.ResidentKiB, 64 * 1024),
    ];

    private readonly List<ProcessState> states = [];
    private readonly List<TimeSpan> times = [];
    private readonly Stopwatch elapsed = Stopwatch.StartNew();

    internal string Trend => states.Count == 0 ? "" : $"{whose}: {states.Count} readings, {Line(states[0])} -> {Line(states[^1])}";

    internal void Read(int pid)
    {
        ProcessState state = ProcessState.Of(pid);
        states.Add(state);
        times.Add(elapsed.Elapsed);
    }

    /// <summary>
    /// What grows by one a capture shows as a lowest late reading above the highest early one. Heaps, pools and code
    /// breathe by more than that in between.
    /// </summary>
    internal IEnumerable<Growth> Leaks() =>
        s_kinds.Select(kind => Of(kind.What, kind.Of, kind.Tolerance)).Where(growth => growth.Amount > growth.Tolerance);

    /// <summary>How far memory grows in so long a time, in KiB; 0 where it does not, or was not read often enough to tell.</summary>
    internal double MemoryGrowthIn(TimeSpan span)
    {
        Growth growth = Of(Growth.Memory, state => state.ResidentKiB, 0);
        return growth.Amount > 0 ? growth.Amount * (span / growth.Span) : 0;
    }

    private Growth Of(string what, Func<ProcessState, long> of, long tolerance)
    {
        if (states.Count < Enough)
            return new Growth(what, 0, 0, tolerance, TimeSpan.Zero, "");
        int part = Math.Max(2, states.Count / 3);
        long before = states.Take(part).Max(of), after = states.TakeLast(part).Min(of);
        return new Growth(what, before, after, tolerance, times[^part] - times[part - 1], $"{whose}: {what} grew from {before} to {after} in {states.Count} readings");
    }

    private static string Line(ProcessState state) =>
        $"{state.Files} files, {state.Threads} threads, {state.Mappings} mappings, {state.ResidentKiB / 1024} MiB";
}

/// <param name="What">Grew.</param>
/// <param name="Before">The highest of the early readings.</param>
/// <param name="After">The lowest of the late ones.</param>
/// <param name="Tolerance">How much more is no leak.</param>
/// <param name="Span">From the last of the early readings to the first of the late ones.</param>
/// <param name="Text">All of it, in words.</param>
internal sealed record Growth(string What, long Before, long After, long Tolerance, TimeSpan Span, string Text)
{
    internal const string Memory = "KiB of resident memory";

    internal long Amount => After - Before;
}
