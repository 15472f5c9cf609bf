using System.Diagnostics;
using DotnetPprof.Aggregate;
using DotnetPprof.Model;

namespace DotnetPprof.Session;

/// <summary>
/// One capture: one run of the agent and one window over all of it. Names are given at the end, when all code events are
/// in.
/// </summary>
internal sealed class Capture : ICapture
{
    private static readonly TimeSpan s_rateInterval = TimeSpan.FromSeconds(1);

    private readonly CaptureOptions options;
    private readonly HeldAgent agent;
    private readonly SamplingRun run;
    private readonly RunWindow window;
    private readonly Stopwatch elapsed = Stopwatch.StartNew();
    private readonly Lock rateGate = new();
    private RunAccount? account;
    private TimeSpan rateSince;
    private long rateSamples;
    private double rate;

    private Capture(CaptureOptions options, HeldAgent agent, SamplingRun run)
    {
        this.options = options;
        this.agent = agent;
        this.run = run;
        TimedSamples? timed = options.Timestamps ? new TimedSamples(new SampleSpill(options.SpillDirectory ?? Path.GetTempPath())) : null;
        window = new RunWindow(SampleWindow.Everything(timed), (_, closing) => account = closing);
        run.Open(window);
        run.Begin();
    }

    public CaptureProgress Progress => new(elapsed.Elapsed, run.Samples, run.Lost, Rate());

    public Task<CaptureEnd> Ended => run.Ended;

    /// <summary>Takes the lease and has the agent sample. Owns the target and the region from here on, also when it throws.</summary>
    public static Capture Start(CaptureOptions options, CaptureTarget target, MappedRegion mapped)
    {
        HeldAgent agent;
        try
        {
            agent = HeldAgent.Take(mapped, options.Pid);
        }
        catch
        {
            target.Dispose();
            throw;
        }
        try
        {
            return new Capture(options, agent, SamplingRun.Start(options, target, agent, SamplingPace.Prompt));
        }
        catch
        {
            agent.Dispose();
            throw;
        }
    }

    public CaptureResult Finish()
    {
        RunEnd end = run.StopSampling();
        elapsed.Stop();
        run.Target.FinishSymbols(end.Answers);
        run.CloseAll();
        bool targetEnded = !end.Answers && end.Warning is null;
        List<string> warnings = [.. run.Target.Warnings, .. run.ClockNotes];
        if (end.Warning is { } warning)
            warnings.Add(warning);
        (UnixNanos start, long duration) = run.Interval();
        CaptureResult result = new CaptureReport(options, [new WindowPart(window, account!)], start, duration, warnings)
        {
            TargetEnded = targetEnded,
            Failure = Failure(),
            Hint = run.Target.Hint,
        }.Build();
        return options.KeepsCode ? result with { Code = HotCode.Of(result.Profile, run.Target) } : result;
    }

    public void Dispose()
    {
        run.Dispose();
        window.Dispose();
        agent.Dispose();
    }

    private string? Failure() => window.Samples.Untimed is { } untimed
        ? $"there was no room in '{options.SpillDirectory ?? Path.GetTempPath()}' to keep samples with their times ({untimed.Error}): from {Clock.NoteText.Time(run.ToUnix(untimed.Since).Value)} on the profile has them without"
        : null;

    /// <summary>Samples per second, over a second or more.</summary>
    private double Rate()
    {
        lock (rateGate)
        {
            TimeSpan now = elapsed.Elapsed;
            if (now - rateSince < s_rateInterval)
                return rate;
            rate = (run.Samples - rateSamples) / (now - rateSince).TotalSeconds;
            rateSamples = run.Samples;
            rateSince = now;
            return rate;
        }
    }
}
