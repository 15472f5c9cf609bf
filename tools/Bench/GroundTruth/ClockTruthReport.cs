using System.Globalization;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Bench.GroundTruth;

internal sealed record ClockTruthReport(MachineDescription Machine, ClockTruth Truth)
{
    internal string ToMarkdown()
    {
        var table = new TextTable(["quantity", "value"], 1);
        Add("minutes captured", Truth.Minutes, "0.##");
        Add("anchors", Truth.Anchors, "0");
        Add("independent pairs", Truth.Pairs, "0");
        Add($"pairs left out, bracket above {Truth.BracketLimitNanos:0} ns", Truth.WidePairs, "0");
        Add("error, median, ns", Truth.P50, "0");
        Add("error, p99, ns", Truth.P99, "0");
        Add("error, maximum, ns", Truth.Maximum, "0");
        Add("within the reported bound, %", Truth.CoveredPercent, "0.000");
        Add("widest bound, ns", Truth.WidestBound, "0");
        string notes = string.Concat(Truth.Notes.Select(note => $"- {note}\n"));
        return $"# Ticks mapped to wall-clock time, against independent readings\n\n{Machine.ToMarkdown()}\n{table}\n{notes}";

        void Add(string name, double value, string format) => table.Add(name, value.ToString(format, CultureInfo.InvariantCulture));
    }
}
