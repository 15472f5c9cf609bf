using System.Globalization;
using System.Text;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Bench.Clock;

/// <summary>A question the figures answer.</summary>
/// <param name="Question">To be answered with yes or no.</param>
/// <param name="Holds">Yes.</param>
/// <param name="Figures">What says so.</param>
internal sealed record Check(string Question, bool Holds, string Figures);

/// <summary>What the agent's probes say of a clock here.</summary>
internal sealed record ClockVerdictText(string Clock, string Verdict);

/// <summary>All that one run of <c>clock</c> found.</summary>
internal sealed record ClockReport(
    MachineDescription Machine,
    IReadOnlyList<ClockVerdictText> Verdicts,
    IReadOnlyList<ClockCost> Costs,
    IReadOnlyList<RoutineCost> Routine,
    IReadOnlyList<PerfResult> Perf,
    string? PerfSkipped)
{
    public IReadOnlyList<Check> Checks { get; } = ClockChecks.Of(Costs, Routine, Perf);

    internal string ToMarkdown()
    {
        var text = new StringBuilder("# What reading a clock costs\n\n");
        text.Append(Machine.ToMarkdown()).Append('\n');
        var verdicts = new TextTable(["the agent's clocks", "their probes"]);
        foreach (ClockVerdictText verdict in Verdicts)
            verdicts.Add(verdict.Clock, verdict.Verdict);
        text.Append(verdicts).Append('\n');
        text.Append("## A call\n\nNanoseconds of CPU time; medians over iterations of some million calls.\n\n");
        var costs = new TextTable(["from, and how", "what", "median", "std. dev.", "lowest", "bytes allocated"], 2, 3, 4, 5);
        foreach (ClockCost cost in Costs)
            costs.Add(cost.Group, cost.Name, Number(cost.MedianNs), Number(cost.StandardDeviationNs), Number(cost.LowestNs), Number(cost.AllocatedBytes));
        text.Append(costs).Append('\n');
        if (Routine.Count > 0)
            AppendRoutine(text);
        text.Append("## Questions\n\n");
        var checks = new TextTable(["", "answer", "figures"]);
        foreach (Check check in Checks)
            checks.Add(check.Question, check.Holds ? "yes" : "no", check.Figures);
        return text.Append(checks).ToString();
    }

    private void AppendRoutine(StringBuilder text)
    {
        text.Append("## A sample\n\n")
            .Append(CultureInfo.InvariantCulture, $"CPU nanoseconds of the sampling routine at full speed, {RoutineRun.Callers} callers, warm, and the clock's part of them. ")
            .Append("\"constant\" is a clock that reads nothing: what the others cost more is their read. ")
            .Append("A sample is a signal that the thread sends itself, its delivery, the handler and the return. ")
            .Append("The handler alone is the same function called with the registers of one such signal; it costs less there, for the kernel has not been at the caches in between.\n\n");
        var table = new TextTable(["clock", "a sample", "over an empty handler", "handler alone", "the clock, in samples", "the clock, in the handler", "its share by difference", "its share by perf"], 1, 2, 3, 4, 5, 6, 7);
        foreach (RoutineCost cost in Routine)
        {
            PerfResult? perf = Perf.FirstOrDefault(result => result.Clock == cost.Clock);
            table.Add(
                cost.Clock, Number(cost.SampleNs), Number(cost.OverEmptyNs), Number(cost.HandlerNs), Number(cost.ClockInSignalNs), Number(cost.ClockNs),
                Percent(cost.Share), perf is null ? "" : Percent(perf.ClockShare));
        }
        text.Append(table).Append('\n');
        if (PerfSkipped is not null)
            text.Append(CultureInfo.InvariantCulture, $"Not profiled: {PerfSkipped}\n\n");
        if (Perf.Count == 0)
            return;

        text.Append("## Where the routine's time goes\n\nShares of the handler's CPU time by `perf record`, called as a function. ")
            .Append("They count what is spent inside each; a clock that is read in order with the instructions around it makes those wait too, which its cost by difference contains.\n\n");
        string[] functions = [.. Perf.SelectMany(result => result.Functions).GroupBy(function => function.Function)
            .OrderByDescending(group => group.Sum(function => function.Share)).Select(group => group.Key)];
        var places = new TextTable(["function", .. Perf.Select(result => result.Clock)], [.. Enumerable.Range(1, Perf.Count)]);
        foreach (string function in functions)
            places.Add([function, .. Perf.Select(result => Percent(result.Functions.FirstOrDefault(entry => entry.Function == function)?.Share ?? 0))]);
        text.Append(places).Append('\n');
    }

    private static string Number(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    private static string Percent(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture) + " %";
}
