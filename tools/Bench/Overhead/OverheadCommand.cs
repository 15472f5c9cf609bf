using System.CommandLine;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Bench.Overhead;

/// <summary><c>overhead</c>: by how much profilers slow a program down, this one and others, beside what the kernel alone takes.</summary>
internal static class OverheadCommand
{
    private const string Name = "overhead";
    private const int DefaultRounds = 4;
    private const int QuickRounds = 2;

    private static readonly int[] allRates = [250, 1_000, 10_000, 50_000];
    private static readonly string[] allWorkloads = [WorkProgram.Compute, WorkProgram.Mixed];

    private static readonly Option<int> rounds = new("--rounds", "-n") { Description = "Each runs every profiler once.", HelpName = "N", DefaultValueFactory = _ => DefaultRounds };
    private static readonly Option<int[]> rates = new("--rates") { Description = "Samples a second of a busy thread.", HelpName = "HZ", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => allRates };
    private static readonly Option<string[]> workloads = new("--workloads") { Description = "What is profiled.", HelpName = string.Join("|", allWorkloads), AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => allWorkloads };
    private static readonly Option<bool> quick = new("--quick") { Description = "Two short rounds; for a look, not for the record: no files are written." };
    private static readonly Option<bool> json = new("--json") { Description = "Print JSON." };
    private static readonly Option<string?> work = new("--work") { Description = "Be the program that is profiled.", Hidden = true };
    private static readonly Option<string?> counters = new("--counters") { Description = "Where it counts.", Hidden = true };

    internal static Command Create()
    {
        workloads.AcceptOnlyFromAmong(allWorkloads);
        var command = new Command(Name, "By how much profilers slow programs down: this one, others, and the kernel's own interrupt.")
        {
            rounds, rates, workloads, quick, json, work, counters,
        };
        command.SetAction(Run);
        return command;
    }

    private static void Run(ParseResult parsed)
    {
        if (parsed.GetValue(work) is { } workload)
        {
            WorkProgram.Run(workload, parsed.GetValue(counters)!);
            return;
        }
        bool isQuick = parsed.GetValue(quick);
        int count = isQuick ? QuickRounds : parsed.GetValue(rounds);
        MachineDescription machine = MachineDescription.Read();
        var run = new OverheadRun(Contenders(parsed.GetRequiredValue(rates)), isQuick ? Windows.Short : Windows.Usual, Console.Error.WriteLine);
        List<OverheadResult> results = [.. parsed.GetRequiredValue(workloads).SelectMany(name => run.Run(name, count))];
        var report = new OverheadReport(count, results, machine);
        Console.WriteLine(parsed.GetValue(json) ? ResultFiles.ToJson(report) : report.ToMarkdown());
        if (!isQuick)
            ResultFiles.Write(ResultFiles.DefaultDirectory(), Name, machine.ShortName, report.ToMarkdown(), ResultFiles.ToJson(report));
    }

    private static List<IContender> Contenders(int[] hz) =>
    [
        new Nothing(),
        new DotnetTrace(),
        .. hz.SelectMany(rate => new IContender[] { new Floor(rate), new OwnProfiler("timer", rate), new OwnProfiler("perf", rate), new PerfRecord(rate) }),
    ];
}
