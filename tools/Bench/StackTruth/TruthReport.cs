using System.Globalization;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Bench.StackTruth;

/// <summary>All of one run.</summary>
/// <param name="RateHz">Asked of every tool that can be asked.</param>
/// <param name="Callers">One program under each tool.</param>
/// <param name="Shares">The other.</param>
/// <param name="Machine">What it was measured on.</param>
internal sealed record TruthReport(int RateHz, IReadOnlyList<CallerTruth> Callers, IReadOnlyList<ShareTruth> Shares, MachineDescription Machine)
{
    public string ToMarkdown() => $"""
        Callers: functions without frame pointers, each called 3:1 from two callers; by how many points the worse caller's share is wrong, and what part of the function's time has neither

        {CallerTable()}
        CPU shares: six functions, by their threads' CPU clocks; what the tool shows, and by how many points that is wrong

        {ShareTable()}
        {Machine.ToMarkdown()}
        """;

    private TextTable CallerTable()
    {
        var table = new TextTable(["tool", "samples", "leaf", "wrapper", "OSR loop", "worst", "frames named"], 1, 2, 3, 4, 5, 6);
        foreach (CallerTruth truth in Callers)
        {
            if (truth.Failure is { } failure)
                table.Add(truth.Tool, $"not measured: {failure}", "", "", "", "", "");
            else
                table.Add([truth.Tool, Count(truth.Samples), .. truth.Callees.Select(Cell), truth.Callees.Max(callee => callee.WorstPoints) is { } worst ? Points(worst) : "", Percent(truth.Named, "0.0")]);
        }
        return table;
    }

    private TextTable ShareTable()
    {
        string[] names = [.. Shares.FirstOrDefault(truth => truth.Failure is null)?.Functions.Select(function => function.Function) ?? []];
        var table = new TextTable(["tool", "samples", .. names, "worst", "by chance", "frames named"], [.. Enumerable.Range(1, names.Length + 4)]);
        foreach (ShareTruth truth in Shares)
        {
            if (truth.Failure is { } failure)
                table.Add([truth.Tool, $"not measured: {failure}", .. Enumerable.Repeat("", names.Length + 3)]);
            else
                table.Add([truth.Tool, Count(truth.Samples), .. truth.Functions.Select(Cell), Points(truth.WorstPoints), $"± {Points(truth.ChancePoints)}", Percent(truth.Named, "0.0")]);
        }
        return table;
    }

    private static string Cell(CallerShares callee) => callee is { WorstPoints: { } points, Missing: { } missing }
        ? $"{Points(points)}, {Percent(missing, "0.00")} missing"
        : "never seen";

    private static string Cell(FunctionShare function) =>
        $"{Percent(function.Shown, "0.0")} ({function.ErrorPoints.ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture)})";

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Points(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    private static string Percent(double value, string format) => (100 * value).ToString(format, CultureInfo.InvariantCulture) + " %";
}
