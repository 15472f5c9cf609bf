using System.Globalization;
using DotnetPprof.Bench.Clock;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Bench.Capacity;

/// <summary>All of one run.</summary>
/// <param name="Results">One load after the other.</param>
/// <param name="Routine">The handler alone: a shot, which reads no CPU clock.</param>
/// <param name="ExactStacks">The part of that which exact stacks take.</param>
/// <param name="Machine">What it was measured on.</param>
internal sealed record CapacityReport(IReadOnlyList<CapacityResult> Results, RoutineCost Routine, ExactStacksCost ExactStacks, MachineDescription Machine)
{
    public string ToMarkdown()
    {
        int[] numeric = [.. Enumerable.Range(1, Results.Count)];
        var table = new TextTable(
            ["", .. Results.Select(r => r.AskedPerSecond is { } asked ? Invariant($"{asked:N0}/s asked") : "all they can")], numeric);
        void Add(string name, Func<CapacityResult, FormattableString> value) => table.Add([name, .. Results.Select(r => Invariant(value(r)))]);
        Add("threads", r => $"{r.Threads}");
        Add("seconds", r => $"{r.Seconds:0.0}");
        Add("frames (managed)", r => $"{r.Frames} ({r.ManagedFrames})");
        Add("samples taken per second", r => $"{r.TakenPerSecond:N0}");
        Add("sent, by the load's own count", r => $"{r.Sent:N0}");
        Add("of the load's threads, in the profile", r => $"{r.DrainedOfLoad:N0}");
        Add("taken in the process, by the agent's count", r => $"{r.Taken:N0}");
        Add("in the profile", r => $"{r.Drained:N0}");
        Add("lost", r => $"{r.Lost:N0}");
        Add("every sample arrived, none was lost", r => $"{(r.Exact ? "yes" : "NO")}");
        Add("a sample over a signal to an empty handler", r => $"{r.HandlerNs:0} ± {r.HandlerDeviationNs:0} ns");
        Add("agent's CPU", r => $"{r.AgentCpuPercent:0.0} %");
        Add("collector's CPU", r => $"{r.CollectorCpuPercent:0.0} %");
        Add("collector's CPU per sample", r => $"{r.CollectorNsPerSample:0} ns");
        Add("collector's CPU for learning code, after a third", r => $"{r.LearningCpuPercent:0.00} %");
        Add("collector's memory after a third", r => $"{r.CollectorBytesEarly / 1e6:0} MB");
        Add("collector's memory at the end", r => $"{r.CollectorBytesLate / 1e6:0} MB");
        Add("collector's memory at most", r => $"{r.CollectorPeakBytes / 1e6:0} MB");
        Add("growth of the sampled process: agent, region, the runtime's events", r => $"{r.TargetGrowthBytes / 1e6:0} MB");

        var routine = new TextTable(["a shot, which reads no CPU clock, 15 frames, warm", "CPU time"], 1);
        routine.Add("over a signal to an empty handler", Invariant($"{Routine.OverEmptyNs:0} ns"));
        routine.Add("the handler called as a function", Invariant($"{Routine.HandlerNs:0} ns"));
        routine.Add("of that, looking for rules that no caller needs", Invariant($"{ExactStacks.LookupNs:0} ns"));
        routine.Add("the same, when every caller needs one", Invariant($"{ExactStacks.RulesNs:0} ns"));
        routine.Add("all of the signal", Invariant($"{Routine.SampleNs:0} ns"));
        return $"{table}\n{routine}\n{Machine.ToMarkdown()}";
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
