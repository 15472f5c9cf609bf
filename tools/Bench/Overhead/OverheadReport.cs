using System.Globalization;
using System.Text;
using DotnetPprof.Bench.Reporting;
using DotnetPprof.Bench.Statistics;

namespace DotnetPprof.Bench.Overhead;

/// <summary>All of one run.</summary>
internal sealed record OverheadReport(int Rounds, IReadOnlyList<OverheadResult> Results, MachineDescription Machine)
{
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        foreach (IGrouping<string, OverheadResult> group in Results.GroupBy(result => result.Workload))
        {
            text.Append(CultureInfo.InvariantCulture, $"{group.Key}: {WorkProgram.Describe(group.Key)}; {Rounds} rounds, median [quartiles]\n\n");
            text.Append(Table(group)).Append('\n');
        }
        return text.Append(Machine.ToMarkdown()).ToString();
    }

    private static TextTable Table(IEnumerable<OverheadResult> results)
    {
        var table = new TextTable(["profiler", "asked", "delivered", "slowdown", "a sample", "over the floor"], 1, 2, 3, 4, 5);
        foreach (OverheadResult result in results)
        {
            string asked = result.RateHz is { } hz ? Invariant($"{hz:N0} Hz") : "";
            if (result.Slowdown is { } slowdown)
                table.Add(result.Name, asked, result.SamplesPerSecond is { } rate ? Invariant($"{rate:N0} Hz") : "", Percent(slowdown), Micros(result.CostMicros), Ratio(result.OverFloor));
            else
                table.Add(result.Name, asked, "", "not measured: " + result.Missing, "", "");
        }
        return table;
    }

    private static string Percent(Quartiles q) => Invariant($"{100 * (q.Median - 1):+0.0;-0.0;0.0} % [{100 * (q.Low - 1):+0.0;-0.0;0.0}, {100 * (q.High - 1):+0.0;-0.0;0.0}]");

    private static string Micros(Quartiles? cost) => cost is { } q ? Invariant($"{q.Median:0.0} µs [{q.Low:0.0}, {q.High:0.0}]") : "";

    private static string Ratio(Quartiles? ratio) => ratio is { } q ? Invariant($"{q.Median:0.00} [{q.Low:0.00}, {q.High:0.00}]") : "";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
