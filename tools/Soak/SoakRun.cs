using System.Diagnostics;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Soak;

/// <summary>Targets one after another until the time is up.</summary>
internal sealed class SoakRun(string engine, int seed, TimeSpan length, int? onlyLife)
{
    private const string Alone = "none";

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
        foreach (Growth leak in own.Leaks())
            findings.Problems.Add(new Problem(-1, ProblemKind.Leak, leak.Text));
        findings.Trends.Add(own.Trend);
        return new SoakReport(machine, engine, seed, time.Elapsed.TotalMinutes, findings.Counts, findings.Losses, [.. findings.Trends.Where(trend => trend.Length > 0)], findings.Problems);
    }

    private void Live(LifePlan plan)
    {
        Say($"{plan.Number}: {plan.Describe()}");
        try
        {
            Judge(plan, engine == Alone ? LiveAlone(plan, findings) : new Life(plan, engine, findings, own).Run());
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

    private void Judge(LifePlan plan, Resources resources)
    {
        foreach (Growth leak in resources.Leaks())
        {
            if (leak.What == Growth.Memory && engine != Alone && GrowsByItself(plan, leak))
                findings.Count("targets whose memory grows as much without the agent");
            else
                Add(plan, ProblemKind.Leak, leak.Text);
        }
    }

    /* Dynamic methods, for one, cost the runtime more and more memory: only the same life without the agent tells whose growth it is. */
    private bool GrowsByItself(LifePlan plan, Growth leak)
    {
        Say($"{plan.Number}: {leak.Text}; once more without the agent");
        var alone = new Findings();
        try
        {
            double byItself = LiveAlone(plan, alone).MemoryGrowthIn(leak.Span);
            findings.Trends.AddRange(alone.Trends);
            Say($"{plan.Number}: by {leak.Amount} KiB with the agent, by {byItself:0} in the same time without");
            return leak.Amount <= byItself + leak.Tolerance;
        }
        catch (ProblemException e)
        {
            Say($"{plan.Number}: left alone: {e.Kind}: {e.Message}");
            return false;
        }
    }

    private Resources LiveAlone(LifePlan plan, Findings alone) => new Life(plan.LeftAlone(), Alone, alone, own).Run();

    private void Add(LifePlan plan, ProblemKind kind, string what)
    {
        findings.Problems.Add(new Problem(plan.Number, kind, what));
        Say($"{plan.Number}: {kind}: {what}");
        Say($"{plan.Number}: its last steps were {findings.LastSteps()}");
    }

    private static void Say(string line) => Console.Error.WriteLine($"soak: {line}");
}
