using System.CommandLine;
using System.Globalization;
using DotnetPprof.Bench.Reporting;
using DotnetPprof.Commands;

namespace DotnetPprof.Bench.Budget;

/// <summary><c>budget</c>: whether sampling keeps to <c>--max-overhead</c>, whatever rate is asked.</summary>
internal static class BudgetCommand
{
    private static readonly Option<int[]> rates = new("--rate", "-r")
    {
        Description = "Rates asked.",
        HelpName = "HZ",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [50_000],
    };

    private static readonly Option<string[]> engines = new("--engine")
    {
        Description = "Engines.",
        HelpName = "ENGINE",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["timer", "perf"],
    };

    private static readonly Option<double> percent = new("--max-overhead") { Description = "The budget, in percent.", HelpName = "PCT", DefaultValueFactory = _ => 1 };

    /* Those beside too short a window without sampling do not count: some more are asked. */
    private static readonly Option<int> windows = new("--windows") { Description = "Windows of 100 ms with sampling.", HelpName = "N", DefaultValueFactory = _ => 1_600 };
    private static readonly Option<bool> alwaysOn = new("--always-on") { Description = "What `serve` does where nothing else is asked: its rate and its budget." };
    private static readonly Option<bool> json = new("--json") { Description = "Print JSON." };

    internal static Command Create()
    {
        var command = new Command("budget", "How much sampling slows a busy thread within --max-overhead: windows of 100 ms with and without it, in one process.") { rates, engines, percent, windows, alwaysOn, json };
        command.SetAction(parsed =>
        {
            bool asServe = parsed.GetValue(alwaysOn);
            double budget = asServe ? ServeCommand.DefaultMaxOverheadPpm / 10_000.0 : parsed.GetValue(percent);
            MachineDescription machine = MachineDescription.Read();
            List<BudgetResult> results = [];
            foreach (string engine in parsed.GetRequiredValue(engines))
            {
                foreach (int rate in asServe ? [ServeCommand.DefaultRateHz] : parsed.GetRequiredValue(rates))
                    results.Add(BudgetRun.Measure(engine, rate, budget, parsed.GetValue(windows)));
            }
            var report = new BudgetReport(budget, results, machine);
            Console.WriteLine(parsed.GetValue(json) ? ResultFiles.ToJson(report) : report.ToMarkdown());
            ResultFiles.Write(ResultFiles.DefaultDirectory(), asServe ? "always-on" : "budget", machine.ShortName, report.ToMarkdown(), ResultFiles.ToJson(report));
            return 0;
        });
        return command;
    }
}

/// <summary>All of one run.</summary>
internal sealed record BudgetReport(double MaxOverheadPercent, IReadOnlyList<BudgetResult> Results, MachineDescription Machine)
{
    public string ToMarkdown()
    {
        var table = new TextTable(
            ["engine", "asked", "budget", "windows", "slower by CPU time", "slower by wall time", "CPU of the profile", "of the process", "rate"], 1, 2, 3, 4, 5, 6, 7);
        foreach (BudgetResult r in Results)
        {
            table.Add(
                r.Engine, Invariant($"{r.RateHz:N0} Hz"), Invariant($"{MaxOverheadPercent:0.##} %"), Invariant($"{r.Windows:N0}"),
                Invariant($"{r.CpuSlowdown * 100:0.00} ± {r.CpuError * 100:0.00} %"), Invariant($"{r.WallSlowdown * 100:0.00} ± {r.WallError * 100:0.00} %"),
                Invariant($"{r.ProfileCpuSeconds:0.00} s"), Invariant($"{r.ProcessCpuSeconds:0.00} s"), r.Rate);
        }
        return $"{table}\n{Machine.ToMarkdown()}";
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
