using System.CommandLine;
using DotnetPprof.Bench.Clock;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Bench.Capacity;

/// <summary><c>capacity</c>: how many samples a second get from the handler into the profile.</summary>
internal static class CapacityCommand
{
    private const string Name = "capacity";
    private const double DefaultPerSecond = 520_000;
    private const double UnboundedSeconds = 10;

    private static readonly Option<int> threads = new("--threads") { Description = "That send themselves signals.", HelpName = "N", DefaultValueFactory = _ => 2 };
    private static readonly Option<double> seconds = new("--seconds") { Description = "How long they do at the given rate; then 10 s at all that they can.", HelpName = "N", DefaultValueFactory = _ => 60 };
    private static readonly Option<double> perSecond = new("--per-second") { Description = "Samples a second, of all threads.", HelpName = "N", DefaultValueFactory = _ => DefaultPerSecond };
    private static readonly Option<bool> quick = new("--quick") { Description = "A few seconds; for a look, not for the record: no files are written." };
    private static readonly Option<bool> json = new("--json") { Description = "Print JSON." };
    private static readonly Option<bool> load = new("--load") { Description = "Be the program that is sampled.", Hidden = true };

    internal static Command Create()
    {
        var command = new Command(Name, "How many samples a second get from the handler into the profile, and what that takes.") { threads, seconds, perSecond, quick, json, load };
        command.SetAction(Run);
        return command;
    }

    private static void Run(ParseResult parsed)
    {
        int count = parsed.GetValue(threads);
        double rate = parsed.GetValue(perSecond);
        bool isQuick = parsed.GetValue(quick);
        var length = TimeSpan.FromSeconds(parsed.GetValue(seconds));
        if (parsed.GetValue(load))
        {
            LoadProgram.Run(count, length, rate > 0 ? rate : double.PositiveInfinity);
            return;
        }
        MachineDescription machine = MachineDescription.Read();
        CapacityResult paced = CapacityRun.Run(count, isQuick ? TimeSpan.FromSeconds(5) : length, rate);
        CapacityResult unbounded = CapacityRun.Run(count, TimeSpan.FromSeconds(isQuick ? 3 : UnboundedSeconds), perSecond: null);
        RoutineCost routine = RoutineRun.Run([ClockSources.AvailableNames.Contains("tsc") ? "tsc" : "stopwatch"], isQuick).Last();
        var report = new CapacityReport([paced, unbounded], routine, RoutineRun.ExactStacks(isQuick), machine);
        Console.WriteLine(parsed.GetValue(json) ? ResultFiles.ToJson(report) : report.ToMarkdown());
        if (!isQuick)
            ResultFiles.Write(ResultFiles.DefaultDirectory(), Name, machine.ShortName, report.ToMarkdown(), ResultFiles.ToJson(report));
    }
}
