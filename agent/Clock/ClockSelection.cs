using System.Globalization;
using DotnetPprof.Region;

namespace DotnetPprof.Agent.Clock;

/// <summary>Which clock stamps a session's samples, and why.</summary>
/// <param name="Clock">The clock; nothing to be read when there is a failure.</param>
/// <param name="Reason">For people, with the clock's name first.</param>
/// <param name="Failure">Why the clock that was asked for cannot be had, or null.</param>
internal readonly record struct ClockSelection(RawClock Clock, string Reason, string? Failure)
{
    /// <summary>A raw read has to be worth it: what is not cheaper than the more public one by a tenth is not taken.</summary>
    private const double WorthIt = 0.9;

    /// <param name="wanted">Auto for the cheapest, or the only one that will do.</param>
    /// <param name="verdicts">Of all sources, the most public first. That one has passed.</param>
    internal static ClockSelection Choose(ClockKind wanted, ReadOnlySpan<ClockVerdict> verdicts)
    {
        if (wanted == ClockKind.Auto)
            return Cheapest(verdicts);
        foreach (ClockVerdict verdict in verdicts)
        {
            if (verdict.Kind != wanted)
                continue;
            return verdict.Passed
                ? new(verdict.Clock, $"{Name(wanted)}: asked for by name; {verdict.Text}", null)
                : new(default, "", $"the clock {Name(wanted)} was asked for and has {verdict.Text}; auto takes one that works");
        }
        return new(default, "", $"there is no clock of the number {(uint)wanted}");
    }

    internal static string Name(ClockKind kind) => kind switch
    {
        ClockKind.Tsc => "tsc",
        ClockKind.Runtime => "runtime",
        ClockKind.Vdso => "vdso",
        ClockKind.Stopwatch => "stopwatch",
        _ => "auto",
    };

    private static ClockSelection Cheapest(ReadOnlySpan<ClockVerdict> verdicts)
    {
        ClockVerdict best = verdicts[0];
        foreach (ClockVerdict verdict in verdicts)
        {
            if (verdict.Passed && verdict.ReadNs < WorthIt * best.ReadNs)
                best = verdict;
        }
        string why = best.Kind == verdicts[0].Kind ? "nothing that passed its probes is cheaper by a tenth" : "the cheapest that passed its probes";
        return new(best.Clock, string.Create(CultureInfo.InvariantCulture, $"{Name(best.Kind)}: {why}, {best.ReadNs:0.0} ns a read"), null);
    }
}
