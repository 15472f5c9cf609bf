using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Symbolize;
using DotnetPprof.Tests.Harm;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Soak;

/// <summary>Captures that this process makes itself: many, and it can be seen what they leave behind in it.</summary>
internal sealed class Captures(Random random, string engine, bool allowsRundown, Findings findings)
{
    internal const int HighestRate = 1_000_000; /* as far as the machine allows */
    private static readonly int[] rates = [250, 1000, 10_000, HighestRate, HighestRate];

    internal int Rate() => rates[random.Next(rates.Length)];

    internal EngineKind Engine() => EngineName() == "perf" ? EngineKind.Perf : EngineKind.Timer;

    internal string EngineName() => engine == "both" ? random.Next(2) == 0 ? "perf" : "timer" : engine;

    /// <summary>Starts one; half of them ask the runtime for names, where that is allowed.</summary>
    internal ICapture Start(int pid, int rate)
    {
        var options = new CaptureOptions(pid, rate, Timestamps: random.Next(4) == 0, Engine: Engine());
        findings.Count($"captures, {options.Engine}");
        findings.Step($"capture by {options.Engine} at {rate}/s");
        bool isNamed = random.Next(2) == 0 && allowsRundown;
        if (!isNamed && MappedRegion.Find(pid) is { } region)
            return Capture.Start(options, new CaptureTarget(options, new DiagnosticsClient(pid), new SharedSymbols()), region);
        return new CaptureFactory(BuiltPrograms.Agent).Attach(options);
    }

    internal void Finish(ICapture capture)
    {
        findings.Step("finish");
        CaptureSummary summary = capture.Finish().Summary;
        findings.Count("samples", summary.Samples);
        foreach (LossCount loss in summary.Losses)
            findings.Lost(loss.Reason, loss.Count);
        if (summary.Samples == 0 && summary.Duration > TimeSpan.FromSeconds(1))
            throw new ProblemException(ProblemKind.Misbehaviour, $"no sample in {summary.Duration.TotalSeconds:0.0} s: {summary.Engine}; {string.Join("; ", summary.Warnings)}");
    }

    /// <summary>Attaches, samples for a moment, detaches.</summary>
    internal void Briefly(Target target)
    {
        try
        {
            using ICapture capture = Start(target.Pid, Rate());
            Thread.Sleep(random.Next(20, 1500));
            Finish(capture);
        }
        catch (UserError e)
        {
            throw new ProblemException(ProblemKind.Misbehaviour, $"a capture failed: {e.Message}");
        }
        AssertAsleep(target);
    }

    /// <summary>After the last collector nothing of ours is left at work.</summary>
    internal static void AssertAsleep(Target target)
    {
        var probe = new RegionAgentProbe();
        Wait.Until(() => !ProcFs.IsRunning(target.Pid) || probe.Probe(target.Pid) is AgentPresence.Asleep or AgentPresence.Absent, target.Pid, "the agent went to sleep");
        Wait.Until(() => !ProcFs.IsRunning(target.Pid) || ProcessState.TimersOf(target.Pid) <= 0, target.Pid, "the target's timers were deleted");
    }
}
