using DotnetPprof.Tests.Harm;

namespace DotnetPprof.Soak;

/// <summary>A process's resources over time, each reading taken while it does nothing.</summary>
/// <param name="whose">For messages.</param>
internal sealed class Resources(string whose)
{
    private const int Enough = 4;

    private readonly List<ProcessState> states = [];

    internal string Trend => states.Count == 0 ? "" : $"{whose}: {states.Count} readings, {Line(states[0])} -> {Line(states[^1])}";

    internal void Read(int pid)
    {
        ProcessState state = ProcessState.Of(pid);
        states.Add(state);
    }

    /// <summary>
    /// What grows by one a capture shows as a lowest late reading above the highest early one. Heaps, pools and code
    /// breathe by more than that in between.
    /// </summary>
    internal IEnumerable<string> Leaks()
    {
        if (states.Count < Enough)
            yield break;
        int part = Math.Max(2, states.Count / 3);
        ProcessState[] early = [.. states.Take(part)], late = [.. states.TakeLast(part)];
        foreach ((string what, Func<ProcessState, long> of, long tolerance) in new (string, Func<ProcessState, long>, long)[]
        {
            ("file descriptors", state => state.Files, 8),
            ("threads", state => state.Threads, 12),
            ("mappings", state => state.Mappings, 150),
            ("KiB of resident memory", state => state.ResidentKiB, 64 * 1024),
        })
        {
            long before = early.Max(of), after = late.Min(of);
            if (after > before + tolerance)
                yield return $"{whose}: {what} grew from {before} to {after} in {states.Count} readings";
        }
    }

    private static string Line(ProcessState state) =>
        $"{state.Files} files, {state.Threads} threads, {state.Mappings} mappings, {state.ResidentKiB / 1024} MiB";
}
