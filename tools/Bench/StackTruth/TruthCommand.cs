using System.CommandLine;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Bench.StackTruth;

/// <summary><c>truth</c>: programs that know who calls what and how long it takes, under this profiler and others.</summary>
internal static class TruthCommand
{
    private const string Name = "truth";
    private const double QuickSeconds = 3;

    private static readonly Option<double> seconds = new("--seconds") { Description = "That each tool watches each program; dotnet-trace, which takes fewer samples, four times as long.", HelpName = "N", DefaultValueFactory = _ => 10 };
    private static readonly Option<int> rate = new("--rate") { Description = "Samples a second of a busy thread, of the tools that can be told.", HelpName = "HZ", DefaultValueFactory = _ => 10_000 };
    private static readonly Option<bool> quick = new("--quick") { Description = "A few seconds each; for a look, not for the record: no files are written." };
    private static readonly Option<bool> json = new("--json") { Description = "Print JSON." };

    internal static Command Create()
    {
        var command = new Command(Name, "Whether profilers show the right callers and shares: this one and others, over programs that know both.") { seconds, rate, quick, json };
        command.SetAction(Run);
        return command;
    }

    private static void Run(ParseResult parsed)
    {
        bool isQuick = parsed.GetValue(quick);
        int hz = parsed.GetValue(rate);
        MachineDescription machine = MachineDescription.Read();
        var run = new TruthRun(
            [new OwnStacks("timer", hz), new OwnStacks("perf", hz), new TraceStacks(), new PerfStacks(writeXorExecute: true, hz), new PerfStacks(writeXorExecute: false, hz)],
            TimeSpan.FromSeconds(isQuick ? QuickSeconds : parsed.GetValue(seconds)), Console.Error.WriteLine);
        var report = new TruthReport(hz, run.Callers(), run.Shares(), machine);
        Console.WriteLine(parsed.GetValue(json) ? ResultFiles.ToJson(report) : report.ToMarkdown());
        if (!isQuick)
            ResultFiles.Write(ResultFiles.DefaultDirectory(), Name, machine.ShortName, report.ToMarkdown(), ResultFiles.ToJson(report));
    }
}
