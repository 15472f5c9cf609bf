using System.Diagnostics;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Soak;

/// <summary>Targets one after another until the time is up.</summary>
internal sealed class SoakRun(string engine, int seed, TimeSpan length, int? onlyLife)
{
    private readonly Findings findings = new();
    private readonly Resources own = new("collector");

    internal SoakReport Run()
    {
        MachineDescription machine = MachineDescription.Read();
        var time = Stopwatch.StartNew();
        Say($"seed {seed}, engine {engine}, {length.TotalMinutes:0.#} minutes");
        for (int number = onlyLife ?? 0; time.Elapsed < length; number++)
        {
            Live(LifePlan.Choose(seed, number, length - time.Elapsed));
            if (onlyLife is not null)
                break;
        }
        foreach (string leak in own.Leaks())
            findings.Problems.Add(new Problem(-1, ProblemKind.Leak, leak));
        findings.Trends.Add(own.Trend);
        return new SoakReport(machine, engine, seed, time.Elapsed.TotalMinutes, findings.Counts, findings.Losses, [.. findings.Trends.Where(trend => trend.Length > 0)], findings.Problems);
    }

    private void Live(LifePlan plan)
    {
        Say($"{plan.Number}: {plan.Describe()}");
        try
        {
            new Life(plan, engine, findings, own).Run();
        }
        catch (ProblemException e)
        {
            Add(plan, e.Kind, e.Message);
        }
        catch (Exception e)
        {
            Add(plan, ProblemKind.Misbehaviour, e.ToString().ReplaceLineEndings(" | "));
        }
    }

    private void Add(LifePlan plan, ProblemKind kind, string what)
    {
        findings.Problems.Add(new Problem(plan.Number, kind, what));
        Say($"{plan.Number}: {kind}: {what}");
        Say($"{plan.Number}: its last steps were {findings.LastSteps()}");
    }

    private static void Say(string line) => Console.Error.WriteLine($"soak: {line}");
}
