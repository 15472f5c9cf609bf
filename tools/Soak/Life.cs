using System.Diagnostics;
using DotnetPprof.Session;

namespace DotnetPprof.Soak;

/// <summary>One target from its start to its end, hurt all the while.</summary>
/// <param name="plan">What was chosen.</param>
/// <param name="engine">timer, perf, both, or none for a workload that is left alone.</param>
/// <param name="findings">What comes of it.</param>
/// <param name="own">This process's resources.</param>
internal sealed class Life(LifePlan plan, string engine, Findings findings, Resources own)
{
    private const int ActionsBetweenReadings = 6;
    private const int Unnamed = 0; /* of the things to do, the one that needs no names */

    private readonly Random random = new(plan.Seed);
    private readonly Resources resources = new($"target {plan.Number}{(engine == "none" ? ", left alone" : "")}");

    /// <summary>Returns what the target had of its machine over time.</summary>
    internal Resources Run()
    {
        var captures = new Captures(random, engine, plan.AllowsRundown, findings);
        using var collectors = new CollectorRuns(random, captures, findings);
        using Target target = Target.Start(plan, captures.EngineName(), captures.Rate(), collectors.ProfilePath);
        findings.Count($"targets, {plan.Kind}");
        var others = new OtherClients(random, findings, plan);
        var time = Stopwatch.StartNew();
        if (plan.Kind == TargetKind.Launched)
            HurtLaunched(target, collectors, others, time);
        if (target.Launcher is not { HasExited: false })
            Hurt(target, captures, collectors, others, time);
        End(target, captures, collectors);
        findings.Trends.Add(resources.Trend);
        return resources;
    }

    /// <summary>The collector that launched it samples it, until it is killed in half of the cases.</summary>
    private void HurtLaunched(Target target, CollectorRuns collectors, OtherClients others, Stopwatch time)
    {
        TimeSpan until = plan.Length * random.NextDouble();
        bool isKilled = random.Next(2) == 0;
        while (time.Elapsed < (isKilled ? until : plan.Length))
        {
            switch (random.Next(4))
            {
                case 0: collectors.Refuse(target); break;
                case 1: others.Trace(target); break;
                case 2: others.Dump(target); break;
                default: Thread.Sleep(random.Next(2000)); break;
            }
            target.CheckProgress();
        }
        if (!isKilled)
            return;
        findings.Step("kill the launcher");
        target.Launcher!.Signal(9);
        target.Launcher.WaitForExit("a collector");
        findings.Count("collectors killed");
        Captures.AssertAsleep(target);
    }

    private void Hurt(Target target, Captures captures, CollectorRuns collectors, OtherClients others, Stopwatch time)
    {
        for (int action = 1; time.Elapsed < plan.Length; action++)
        {
            if (engine == "none")
                Thread.Sleep(1000);
            else
                HurtOnce(target, captures, collectors, others);
            target.CheckProgress();
            if (action % ActionsBetweenReadings == 1)
                ReadResources(target);
        }
    }

    private void HurtOnce(Target target, Captures captures, CollectorRuns collectors, OtherClients others)
    {
        switch (plan.AllowsRundown ? random.Next(20) : Unnamed)
        {
            case < 8: captures.Briefly(target); break;
            case < 11: collectors.Collect(target); break;
            case < 13: collectors.Kill(target); break;
            case 13: Beside(target, captures, () => collectors.Refuse(target)); break;
            case 14: Beside(target, captures, () => others.Trace(target)); break;
            case 15: Beside(target, captures, () => Task.WaitAll(Task.Run(() => others.Trace(target)), Task.Run(() => collectors.Look(target)))); break;
            case 16: Beside(target, captures, () => others.Dump(target)); break;
            case 17: collectors.StopLong(target); break;
            case 18: collectors.StopTarget(target); break;
            default: Thread.Sleep(random.Next(1000)); break;
        }
    }

    /// <summary>While a capture is under way.</summary>
    private static void Beside(Target target, Captures captures, Action action)
    {
        using (ICapture capture = captures.Start(target.Pid, captures.Rate()))
        {
            action();
            captures.Finish(capture);
        }
        Captures.AssertAsleep(target);
    }

    /* The agent gives its memory back, and the runtime its event sessions, a moment after a capture. */
    private void ReadResources(Target target)
    {
        target.Pause();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Thread.Sleep(1500);
        resources.Read(target.Pid);
        own.Read(Environment.ProcessId);
        target.Resume();
    }

    private void End(Target target, Captures captures, CollectorRuns collectors)
    {
        target.CheckProgress();
        foreach ((string job, (long done, long interrupted)) in target.Reported)
        {
            findings.Count($"checked, {job}", done);
            if (interrupted > 0)
                findings.Count("waits interrupted", interrupted);
        }
        if (target.Launcher is { HasExited: false } launcher)
        {
            target.End(plan.Ending);
            collectors.CheckProfile();
            findings.Count($"ends while launched, {plan.Ending.Name}");
            return;
        }
        if (engine == "none" || random.Next(4) == 0)
        {
            target.End(plan.Ending);
            findings.Count($"ends unsampled, {plan.Ending.Name}");
            return;
        }
        using ICapture capture = captures.Start(target.Pid, Captures.HighestRate);
        Thread.Sleep(random.Next(300));
        target.End(plan.Ending);
        if (!capture.Ended.Wait(ChildProgram.HangBound))
            throw new ProblemException(ProblemKind.Hang, "a capture did not see its target end");
        captures.Finish(capture);
        findings.Count($"ends while sampled, {plan.Ending.Name}");
    }
}
