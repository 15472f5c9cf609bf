using System.Globalization;
using DotnetPprof.Aggregate;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Unwind;

namespace DotnetPprof.Session;

/// <summary>A closed window of one run, with how that run sampled.</summary>
internal sealed record WindowPart(RunWindow Window, RunAccount Account);

/// <summary>
/// What a finished window says: the profile, and the account of how it came about. A window is one part, or several
/// where runs of the agent followed each other in it.
/// </summary>
/// <param name="options">How it was sampled.</param>
/// <param name="parts">One or more, in order of time.</param>
/// <param name="start">When it began.</param>
/// <param name="durationNanos">How long it was.</param>
/// <param name="warnings">What is to be said beside the counts, one line each.</param>
internal sealed class CaptureReport(
    CaptureOptions options, IReadOnlyList<WindowPart> parts, UnixNanos start, long durationNanos, IReadOnlyList<string> warnings)
{
    private static readonly (Counter Counter, string Key, string Reason)[] s_losses =
    [
        (Counter.LostRingFull, "ring_full", "samples that found their ring full"),
        (Counter.LostStoreFull, "store_full", "samples whose callers found the stack store full (the leaf was kept)"),
        (Counter.LostNoSlot, "no_slot", "threads that found no room to be sampled when they began (--buffer-mb)"),
        (Counter.LostNoTimer, "no_timer", "threads that got no timer when they began (RLIMIT_SIGPENDING)"),
        (Counter.LostEvents, "events", "thread events that found the agent's queue full (a scan makes up for them, names may be missing)"),
        (Counter.LostInKernel, "kernel_ring_full", "samples that found the kernel's ring full"),
        (Counter.DamagedRecords, "damaged", "records of the kernel's that made no sense"),
    ];

    private readonly RunAccount account = parts[^1].Account;

    /// <summary>Whether the target ended before sampling was stopped.</summary>
    public bool TargetEnded { get; init; }

    /// <summary>Why the profile is not all that was asked for, or null.</summary>
    public string? Failure { get; init; }

    /// <summary>What to do to see more than the profile shows, or null.</summary>
    public string? Hint { get; init; }

    /// <summary>
    /// CPU time that samples of the windows before this one stood for beyond the process's, to be made up for here: a
    /// thread's CPU time is settled when it is next sampled, which may be in a later window than it was used in.
    /// </summary>
    public long Overdrawn { get; init; }

    /// <summary>The same at the end of this one; valid once built.</summary>
    public long OverdrawnAfter { get; private set; }

    public CaptureResult Build()
    {
        long process = ProcessNanos();
        long agent = Sum(reading => reading.AgentNanos);
        long rest = process - agent - parts.Sum(part => part.Window.Samples.CpuNanos) - Overdrawn;
        OverdrawnAfter = Math.Max(0, -rest);
        rest = Math.Max(0, rest);
        long notPermitted = Math.Min(rest, Sum(reading => reading.NotPermittedNanos));
        long unsampled = rest - notPermitted;
        List<ProfileSample> extras =
        [
            .. new[] { (SyntheticFrames.KernelNotPermitted, notPermitted), (SyntheticFrames.UnsampledThreads, unsampled), (SyntheticFrames.Agent, agent) }
                .Where(extra => extra.Item2 > 0)
                .Select(extra => new ProfileSample([account.Process[extra.Item1]], Thread: null, Count: 0, extra.Item2, Time: null)),
        ];
        IReadOnlyList<ProfileSample> samples = new JoinedSamples([.. parts.Select(part => part.Window.Named.Sums), extras]);
        CaptureSummary summary = Summarize(process, unsampled) with { StackFlaws = [.. StackFlaws.Of(samples).Select(flaw => new LossCount(flaw.Frame, flaw.Samples))] };
        var profile = new Profile(start, durationNanos, 1_000_000_000 / options.RateHz, account.MainMapping, samples, Comments(summary))
        {
            Timed = Timed(extras),
        };
        return new CaptureResult(profile, summary);
    }

    private JoinedTimedSamples? Timed(IReadOnlyList<ProfileSample> extras)
    {
        List<TimedProfileSamples> timed = [.. parts.Select(part => part.Window.Named.Timed).OfType<TimedProfileSamples>()];
        return timed.Count == 0 ? null : new JoinedTimedSamples(timed, extras);
    }

    /// <summary>Over all, what passed between two runs included: the process's clock knows of no runs.</summary>
    private long ProcessNanos()
    {
        SessionReading? first = parts.Select(part => part.Window.Start).FirstOrDefault(reading => reading is not null);
        SessionReading? last = parts.Select(part => part.Window.End).LastOrDefault(reading => reading is not null);
        return first is null || last is null ? 0 : Math.Max(0, last.ProcessNanos - first.ProcessNanos);
    }

    private long Sum(Func<SessionReading, long> what) => parts.Sum(part =>
        part.Window is { Start: { } first, End: { } last } ? Math.Max(0, what(last) - what(first)) : 0);

    private long Count(Counter counter) => Sum(reading => reading.Counter(counter));

    private CaptureSummary Summarize(long process, long unsampled)
    {
        List<string> all = [.. warnings, .. account.Notes];
        if (Sum(reading => reading.Corrupt) is > 0 and long corrupt)
            all.Add($"{corrupt} rings and stacks in the agent's memory were damaged and left out");
        if (Count(Counter.Displaced) > 0)
            all.Add("something in the target put a signal handler in front of the agent's; if it does not pass signals on, samples are missing");
        if (Count(Counter.Throttled) is > 0 and long throttled)
            all.Add($"the kernel throttled sampling {throttled} times (perf_event_max_sample_rate); what ran meanwhile is in [unsampled threads]");
        if (Count(Counter.TimerThreads) is > 0 and long timed)
            all.Add($"{timed} threads were sampled by timers: the limit of file descriptors left no room for their events");
        if (Count(Counter.SlotlessSamples) is > 0 and long slotless)
            all.Add($"{slotless} samples of threads that were gone before they could be told apart are those of 'other threads'");
        return new CaptureSummary(
            TimeSpan.FromTicks(durationNanos / 100),
            parts.Sum(part => part.Window.Samples.Samples),
            process,
            unsampled,
            options.RateHz,
            account.ArmedHz,
            account.RateNote,
            account.Engine,
            account.Clock.Reason,
            account.Clock.Others,
            [.. s_losses.Select(loss => new LossCount(loss.Reason, Count(loss.Counter)) { Key = loss.Key }).Where(loss => loss.Count > 0)],
            all)
        {
            Hint = Hint,
            Failure = Failure,
            AgentNanos = Sum(reading => reading.AgentNanos),
            SampleCostNanos = (long)account.SampleCostNanos,
            RateDeliveredHz = DeliveredHz(),
            Burst = options.Burst,
        };
    }

    private double DeliveredHz()
    {
        long sampled = parts.Sum(part => part.Window.Samples.CpuNanos - part.Window.Samples.BetweenBurstsNanos);
        return sampled > 0 ? parts.Sum(part => part.Window.Samples.Samples) / (sampled / 1e9) : 0;
    }

    private List<string> Comments(CaptureSummary summary)
    {
        List<string> comments =
        [
            $"dotnet-pprof {account.AgentVersion}, target runtime .NET {account.RuntimeVersion}",
            $"engine: {summary.Engine}",
            $"clock: {summary.Clock}",
            .. summary.OtherClocks.Select(other => $"clock not taken: {other}"),
            string.Create(CultureInfo.InvariantCulture, $"rate: asked {summary.RateAskedHz:0} Hz, armed {summary.RateArmedHz:0} Hz, delivered {summary.RateDeliveredHz:0} samples per second of CPU time"),
            string.Create(CultureInfo.InvariantCulture, $"cost: {account.SampleCostNanos} ns per sample, calibrated at the start"),
        ];
        if (summary.Burst is { } burst)
            comments.Add($"bursts: {burst}");
        if (TargetEnded)
            comments.Add("end: the target ended before sampling was stopped; what it did after its last sample is not here");
        if (summary.RateNote.Length > 0)
            comments.Add($"rate note: {summary.RateNote}");
        if (summary.Failure is { } failure)
            comments.Add($"note: {failure}");
        if (summary.Hint is { } hint)
            comments.Add($"note: {hint}");
        comments.AddRange(summary.Losses.Select(loss => string.Create(CultureInfo.InvariantCulture, $"lost: {loss.Count} {loss.Reason}")));
        comments.AddRange(summary.StackFlaws.Select(flaw => string.Create(CultureInfo.InvariantCulture, $"stacks: {flaw.Count} of {summary.Samples} samples with {flaw.Reason}")));
        comments.AddRange(summary.Warnings.Select(warning => $"note: {warning}"));
        return comments;
    }
}
