using System.CommandLine;
using DotnetPprof.Bench.Clock;
using DotnetPprof.Bench.Reporting;
using DotnetPprof.Bench.Statistics;

namespace DotnetPprof.Bench.Compare;

/// <summary><c>compare</c>: two configurations, interleaved, and whether they differ.</summary>
internal static class CompareCommand
{
    private const int DefaultRounds = 10;
    private const int LeastRounds = Verdict.LeastValues / 2;

    private static readonly Option<string?> a = new("--a") { Description = "The first command, for the shell.", HelpName = "COMMAND" };
    private static readonly Option<string?> b = new("--b") { Description = "The second.", HelpName = "COMMAND" };
    private static readonly Option<string?> clock = new("--clock") { Description = "Compare a clock ...", HelpName = "NAME" };
    private static readonly Option<string?> with = new("--with") { Description = "... with another.", HelpName = "NAME" };
    private static readonly Option<bool> routine = new("--routine") { Description = "Compare the clocks in the sampling routine, not alone." };
    private static readonly Option<int> rounds = new("--rounds", "-n") { Description = $"Each runs both sides twice (A, B, B, A); {LeastRounds} at least.", HelpName = "N", DefaultValueFactory = _ => DefaultRounds };
    private static readonly Option<string> metric = new("--metric") { Description = "wall, user+sys, or a regular expression whose first group is a number on standard output.", HelpName = "METRIC", DefaultValueFactory = _ => "wall" };
    private static readonly Option<bool> higher = new("--higher-is-better") { Description = "The metric counts work done, not time." };
    private static readonly Option<bool> json = new("--json") { Description = "Print JSON, with every value." };

    internal static Command Create()
    {
        var command = new Command("compare", "Two configurations, run in turns: medians, the change, and whether it is more than noise.")
        {
            a, b, clock, with, routine, rounds, metric, higher, json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        int count = parsed.GetValue(rounds);
        if (count < LeastRounds)
            throw new BenchException($"--rounds {LeastRounds} at least: fewer values can never be significant");
        (IMeasurement first, IMeasurement second, string name, string unit) = Sides(parsed);
        MachineDescription machine = MachineDescription.Read();
        (List<double> valuesA, List<double> valuesB) = Interleaving.Run(count, first.Measure, second.Measure);
        Verdict verdict = Verdict.Of(valuesA, valuesB, parsed.GetValue(higher));
        var report = new CompareReport(first.Name, second.Name, name, unit, verdict, valuesA, valuesB, machine);
        Console.WriteLine(parsed.GetValue(json) ? ResultFiles.ToJson(report) : report.ToText());
        return 0;
    }

    private static (IMeasurement A, IMeasurement B, string Metric, string Unit) Sides(ParseResult parsed)
    {
        if (parsed.GetValue(clock) is { } one && parsed.GetValue(with) is { } other)
        {
            foreach (string name in new[] { one, other })
            {
                if (!ClockSources.Names.Contains(name))
                    throw new BenchException($"there is no clock '{name}'; there are {string.Join(", ", ClockSources.Names)}");
            }
            bool inRoutine = parsed.GetValue(routine);
            return (new ClockMeasurement(one, inRoutine), new ClockMeasurement(other, inRoutine), inRoutine ? "CPU time a sample" : "CPU time a call", "ns");
        }
        if (parsed.GetValue(a) is { } before && parsed.GetValue(b) is { } after)
        {
            Metric measured = Measured(parsed.GetRequiredValue(metric));
            return (new CommandMeasurement(before, measured), new CommandMeasurement(after, measured), measured.Name, measured.Unit);
        }
        throw new BenchException("what is to be compared? Either --a COMMAND --b COMMAND, or --clock NAME --with NAME");
    }

    private static Metric Measured(string text)
    {
        try
        {
            return Metric.Parse(text);
        }
        catch (ArgumentException e)
        {
            throw new BenchException($"--metric: {e.Message}");
        }
    }
}
