using System.Globalization;
using DotnetPprof.Aggregate;
using DotnetPprof.Clock;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Session;

/// <summary>What a finished capture says: the profile, and the account of how it came about.</summary>
internal sealed class CaptureReport(
    CaptureOptions options, CaptureTarget target, RegionView region, SessionAccount session, TickMap clock, SampleAggregator aggregator, RegionDrain drain, Ticks newestAnchor, bool targetEnded, string? endWarning)
{
    private static readonly (Counter Counter, string Reason)[] s_losses =
    [
        (Counter.LostRingFull, "samples that found their ring full"),
        (Counter.LostStoreFull, "samples whose callers found the stack store full (the leaf was kept)"),
        (Counter.LostNoSlot, "threads that found no free slot"),
        (Counter.LostNoTimer, "threads that got no timer (RLIMIT_SIGPENDING)"),
        (Counter.LostEvents, "thread events that found the agent's queue full (a scan makes up for them, names may be missing)"),
        (Counter.LostInKernel, "samples that found the kernel's ring full"),
        (Counter.DamagedRecords, "records of the kernel's that made no sense"),
    ];

    private readonly long processNanos = Difference(session.Control.ProcessCpuNs, session.Control.ProcessCpuStartNs);
    private readonly long agentNanos = Difference(session.Control.AgentCpuNs, session.Control.AgentCpuStartNs);

    private readonly ClockChoice clockChoice = ClockChoice.Of(session.Control);

    public CaptureResult Build()
    {
        long rest = Math.Max(0, processNanos - agentNanos - aggregator.CpuNanos);
        long notPermitted = Math.Min(rest, Difference(session.Control.NotPermittedNs, 0));
        long unsampled = rest - notPermitted;
        var threads = new ProfileThread?[drain.Threads.Count];
        var resolver = new StackResolver(drain.Chains, target.Symbolizer);
        AggregatedSamples samples = aggregator.Build(
            resolver,
            index => threads[index] ??= new ProfileThread((int)drain.Threads[index].Tid, drain.Threads[index].Name),
            [new ProcessTime(SyntheticFrames.KernelNotPermitted, notPermitted), new ProcessTime(SyntheticFrames.UnsampledThreads, unsampled), new ProcessTime(SyntheticFrames.Agent, agentNanos)]);

        (UnixNanos start, long duration) = Interval();
        CaptureSummary summary = Summarize(duration, unsampled);
        var profile = new Profile(start, duration, 1_000_000_000 / options.RateHz, target.Symbolizer.MainMapping, samples.Sums, Comments(summary)) { Timed = samples.Timed };
        return new CaptureResult(profile, summary);
    }

    private static long Difference(ulong now, ulong before) => now > before ? (long)Math.Min(now - before, long.MaxValue / 4) : 0;

    private (UnixNanos Start, long Duration) Interval()
    {
        if (clock.IsEmpty)
            return (default, 0);
        ref readonly RegionControl control = ref session.Control;
        UnixNanos start = clock.ToUnix(new Ticks(control.StartTicks));
        UnixNanos stop = control.StopTicks != 0 ? clock.ToUnix(new Ticks(control.StopTicks)) : clock.ToUnix(newestAnchor);
        return (start, Math.Max(0, stop.Value - start.Value));
    }

    private CaptureSummary Summarize(long duration, long unsampled)
    {
        ref readonly RegionControl control = ref session.Control;
        List<string> warnings = [.. target.Warnings, .. clock.Notes];
        if (endWarning is not null)
            warnings.Add(endWarning);
        if (drain.CorruptRings + drain.Chains.Corrupt > 0)
            warnings.Add($"{drain.CorruptRings} rings and {drain.Chains.Corrupt} stacks in the agent's memory were damaged and left out");
        if (session.Counter(Counter.Displaced) > 0)
            warnings.Add("something in the target put a signal handler in front of the agent's; if it does not pass signals on, samples are missing");
        if (session.Counter(Counter.Throttled) is > 0 and ulong throttled)
            warnings.Add($"the kernel throttled sampling {throttled} times (perf_event_max_sample_rate); what ran meanwhile is in [unsampled threads]");
        if (session.Counter(Counter.TimerThreads) is > 0 and ulong timed)
            warnings.Add($"{timed} threads were sampled by timers: the limit of file descriptors left no room for their events");
        if (session.Counter(Counter.SlotlessSamples) is > 0 and ulong slotless)
            warnings.Add($"{slotless} samples of threads that were gone before they could be told apart are those of 'other threads'");
        double armed = control.PeriodNs == 0 ? 0 : 1e9 / control.PeriodNs;
        return new CaptureSummary(
            TimeSpan.FromTicks(duration / 100),
            aggregator.Samples,
            processNanos,
            unsampled,
            options.RateHz,
            armed,
            RateNote(armed),
            RegionView.EngineReason(session.Control),
            clockChoice.Reason,
            clockChoice.Others,
            [.. s_losses.Select(loss => new LossCount(loss.Reason, (long)session.Counter(loss.Counter))).Where(loss => loss.Count > 0)],
            warnings)
        {
            Failure = aggregator.Untimed is { } untimed
                ? $"there was no room in '{options.SpillDirectory ?? Path.GetTempPath()}' to keep samples with their times ({untimed.Error}): from {NoteText.Time(untimed.Since.Value)} on the profile has them without"
                : null,
        };
    }

    private string RateNote(double armed)
    {
        ref readonly RegionControl control = ref session.Control;
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

    private List<string> Comments(CaptureSummary summary)
    {
        var delivered = summary.CpuNanos > 0 ? summary.Samples / (summary.CpuNanos / 1e9) : 0;
        List<string> comments =
        [
            $"dotnet-pprof {region.AgentVersion}, target runtime .NET {region.RuntimeVersion}",
            $"engine: {summary.Engine}",
            $"clock: {summary.Clock}",
            .. summary.OtherClocks.Select(other => $"clock not taken: {other}"),
            string.Create(CultureInfo.InvariantCulture, $"rate: asked {summary.RateAskedHz:0} Hz, armed {summary.RateArmedHz:0} Hz, delivered {delivered:0} samples per second of CPU time"),
            string.Create(CultureInfo.InvariantCulture, $"cost: {session.Control.SampleCostNs} ns per sample, calibrated at the start"),
        ];
        if (targetEnded)
            comments.Add("end: the target ended before sampling was stopped; what it did after its last sample is not here");
        if (summary.RateNote.Length > 0)
            comments.Add($"rate note: {summary.RateNote}");
        if (summary.Failure is { } failure)
            comments.Add($"note: {failure}");
        comments.AddRange(summary.Losses.Select(loss => string.Create(CultureInfo.InvariantCulture, $"lost: {loss.Count} {loss.Reason}")));
        comments.AddRange(summary.Warnings.Select(warning => $"note: {warning}"));
        return comments;
    }
}
