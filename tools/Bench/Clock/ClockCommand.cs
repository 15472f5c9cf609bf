using System.CommandLine;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Bench.Clock;

/// <summary><c>clock</c>: what every way of reading a clock costs, alone and in the sampling routine.</summary>
internal static class ClockCommand
{
    private const string Name = "clock";

    internal static Command Create()
    {
        var quick = new Option<bool>("--quick") { Description = "Under a minute; for a look, not for the record: no files are written." };
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var noRoutine = new Option<bool>("--no-routine") { Description = "Leave out the sampling routine." };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Show BenchmarkDotNet's own log." };
        var output = new Option<string>("--output", "-o") { Description = "Where to write the results.", HelpName = "DIR", DefaultValueFactory = _ => ResultFiles.DefaultDirectory() };
        var machineName = new Option<string?>("--machine") { Description = "The machine's short name in the files' names.", HelpName = "NAME" };
        var command = new Command(Name, "What reading each clock costs, from C#, from C and in the sampling routine.") { quick, json, noRoutine, verbose, output, machineName };
        command.SetAction(parsed =>
        {
            ClockReport report = Measure(parsed.GetValue(quick), !parsed.GetValue(noRoutine), parsed.GetValue(verbose));
            string asJson = ResultFiles.ToJson(report);
            string asText = report.ToMarkdown();
            Console.WriteLine(parsed.GetValue(json) ? asJson : asText);
            if (!parsed.GetValue(quick))
            {
                string path = ResultFiles.Write(parsed.GetRequiredValue(output), Name, parsed.GetValue(machineName) ?? report.Machine.ShortName, asText, asJson);
                Console.Error.WriteLine($"written: {Path.GetFileName(path)}.md and .json");
            }
        });
        return command;
    }

    private static ClockReport Measure(bool quick, bool routine, bool verbose)
    {
        MachineDescription machine = MachineDescription.Read();
        string[] clocks = [.. ClockSources.AvailableNames];
        ClockVerdictText[] verdicts = [.. ClockSources.All.Select(clock => new ClockVerdictText(clock.Name, clock.Verdict))];
        Say("reading clocks from C# and C");
        IReadOnlyList<ClockCost> costs = ClockRun.Run(quick, verbose);
        if (!routine)
            return new ClockReport(machine, verdicts, costs, [], [], null);
        Say("sampling with each clock");
        IReadOnlyList<RoutineCost> routineCosts = RoutineRun.Run(clocks, quick);
        Say("profiling the sampling routine");
        (IReadOnlyList<PerfResult> perf, string? skipped) = PerfShare.Run([RoutineRun.Constant, .. clocks], quick);
        return new ClockReport(machine, verdicts, costs, routineCosts, perf, skipped);
    }

    private static void Say(string what) => Console.Error.WriteLine($"{what} ...");
}
