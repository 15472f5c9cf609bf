using System.Globalization;
using DotnetPprof.Aggregate;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Symbolize;
using DotnetPprof.Unwind;

namespace DotnetPprof.Session;

/// <summary>How a run of the agent samples, in words and numbers: what a profile says beside its samples.</summary>
/// <param name="AgentVersion">Of the agent in the process.</param>
/// <param name="RuntimeVersion">Of the process's runtime.</param>
/// <param name="Engine">Engine and why.</param>
/// <param name="Clock">Clock and why, and the others.</param>
/// <param name="ArmedHz">Rate as armed, after any clamp.</param>
/// <param name="RateNote">Why that is not what was asked for; empty when it is.</param>
/// <param name="SampleCostNanos">Calibrated at the start.</param>
/// <param name="MainMapping">The main binary.</param>
/// <param name="Process">The frames for time of the process as a whole, by their names.</param>
/// <param name="Notes">What could not be learned of how to step through the code, and what could not be held, one line each.</param>
internal sealed record RunAccount(
    string AgentVersion,
    string RuntimeVersion,
    string Engine,
    ClockChoice Clock,
    double ArmedHz,
    string RateNote,
    ulong SampleCostNanos,
    Mapping MainMapping,
    IReadOnlyDictionary<string, Location> Process,
    IReadOnlyList<string> Notes)
{
    private static readonly string[] s_process = [SyntheticFrames.KernelNotPermitted, SyntheticFrames.UnsampledThreads, SyntheticFrames.Agent];

    public static RunAccount Of(CaptureOptions options, RegionView region, SessionAccount session, Symbolizer symbolizer, StackLearner learner, long releasedEarly)
    {
        ref readonly RegionControl control = ref session.Control;
        double armed = control.PeriodNs == 0 ? 0 : 1e9 / control.PeriodNs;
        return new RunAccount(
            region.AgentVersion,
            region.RuntimeVersion,
            RegionView.EngineReason(control),
            ClockChoice.Of(control),
            armed,
            NoteOn(options, control, armed),
            control.SampleCostNs,
            symbolizer.MainMapping,
            s_process.ToDictionary(name => name, symbolizer.Synthetic),
            [.. NotesOn(learner, releasedEarly)]);
    }

    private static IEnumerable<string> NotesOn(StackLearner learner, long releasedEarly)
    {
        if (learner.Refused > 0)
            yield return $"{learner.Refused} places in code without frame pointers found no room in the agent's table; their callers are marked as not known";
        if (learner.Failure is { } failure)
            yield return $"learning how to step through code broke off ({failure}); callers in code that came later are marked";
        if (learner.NotUnderstood > 0)
            yield return $"the frames of {learner.NotUnderstood} methods were not understood; their callers were found by frame pointer";
        if (releasedEarly > 0)
            yield return $"{releasedEarly} samples were not held until the runtime had told of the code of their time: there were too many; some may be named wrong";
    }

    private static string NoteOn(CaptureOptions options, in RegionControl control, double armed)
    {
        string cost = string.Create(CultureInfo.InvariantCulture, $"{control.SampleCostNs / 1e3:0.#} µs");
        return (RateLimit)control.LimitedBy switch
        {
            RateLimit.Cost => $"limited to {armed:0} Hz: a sample costs its thread {cost} here, and no period is shorter than twice that",
            RateLimit.Budget => $"lowered to {armed:0} Hz: a sample costs its thread {cost} here, and sampling may take {options.MaxOverheadPpm / 1e4:0.##} % of its time (--max-overhead)",
            RateLimit.Kernel => $"limited to {armed:0} Hz by the kernel's perf_event_max_sample_rate",
            RateLimit.Watchdog => $"lowered to {armed:0} Hz: threads made too little progress between samples (calibrated cost {cost})",
            _ => "",
        };
    }
}
