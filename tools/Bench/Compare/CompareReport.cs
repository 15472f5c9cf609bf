using System.Globalization;
using System.Text;
using DotnetPprof.Bench.Reporting;
using DotnetPprof.Bench.Statistics;

namespace DotnetPprof.Bench.Compare;

/// <summary>What a comparison found, with every value it rests on.</summary>
internal sealed record CompareReport(
    string A, string B, string Metric, string Unit, Verdict Verdict, IReadOnlyList<double> ValuesA, IReadOnlyList<double> ValuesB, MachineDescription Machine)
{
    internal string ToText()
    {
        var table = new TextTable(["", "what", $"median {Metric}{(Unit.Length > 0 ? $" ({Unit})" : "")}", "deviation", "lowest", "highest", "runs"], 2, 3, 4, 5, 6);
        Add(table, "A", A, ValuesA, Verdict.MedianA);
        Add(table, "B", B, ValuesB, Verdict.MedianB);
        var text = new StringBuilder(table.ToString());
        text.Append(CultureInfo.InvariantCulture, $"\nchange {100 * Verdict.Change:+0.0;-0.0;0.0} %, p {(Verdict.PValue < 0.0001 ? "< 0.0001" : $"= {Verdict.PValue:0.0000}")} (Mann-Whitney U, two-sided): {Words(Verdict.Outcome)}\n");
        if (!Machine.Quiet)
            text.Append(CultureInfo.InvariantCulture, $"the machine was not idle: load {Machine.LoadAtStart:0.00} at the start\n");
        return text.ToString();
    }

    private static string Words(Outcome outcome) => outcome switch
    {
        Outcome.Better => "B is better",
        Outcome.Worse => "B is worse",
        Outcome.Small => FormattableString.Invariant($"a difference, but under {100 * Verdict.LeastChange:0} %: no claim"),
        _ => "no difference beyond noise",
    };

    private static void Add(TextTable table, string side, string name, IReadOnlyList<double> values, double median) => table.Add(
        side, name.ReplaceLineEndings(" ").Replace('|', '¦'), Number(median), Number(Medians.Deviation(values)), Number(values.Min()), Number(values.Max()),
        values.Count.ToString(CultureInfo.InvariantCulture));

    private static string Number(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);
}
