using System.Diagnostics;
using DotnetPprof.Aggregate;
using DotnetPprof.Clock;
using DotnetPprof.Drain;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Symbolize;
using DotnetPprof.Unwind;

namespace DotnetPprof.Session;

/// <summary>
/// One run of an agent, from the start of its sampling to the stop. A thread of its own drains the region through the
/// stages in their order: rings, clock, aggregation; and deals the samples out to windows. Everything that grows with
/// what the target does (stacks, threads, code) lives as long as the run: who samples for ever has one run follow
/// another.
/// </summary>
internal sealed class SamplingRun : IDisposable
{
    /// <summary>How full the fullest ring is to be when it is drained: the rest is for when this process gets no core.</summary>
    private const double FullEnough = 1.0 / 8;

    private static readonly TimeSpan s_shortestInterval = TimeSpan.FromMilliseconds(5);

    /// <summary>Of a region's pages few are looked at in a round, and others from time to time: those are not to stay.</summary>
    private static readonly TimeSpan s_letGo = TimeSpan.FromSeconds(5);

    /// <summary>How long after the hold a window's last samples may still be on their way: two rounds, and what a thread takes to settle.</summary>
    private const long StragglersNanos = 50_000_000;

    /// <summary>An agent that has not been heard of for so long is in a process that is stopped or paused.</summary>
    private const long SilenceNanos = 3_000_000_000;

    private readonly CaptureOptions options;
    private readonly HeldAgent agent;
    private readonly RegionView region;
    private readonly SamplingPace pace;
    private readonly Action<SamplingRun, MonotonicNanos>? plan;
    private readonly SessionReading? previous;
    private readonly SessionAccount session;
    private readonly TickMap clock;
    private readonly SampleAggregator aggregator;
    private readonly StackLearner learner;
    private readonly RegionDrain drain;
    private readonly List<RunWindow> windows = [];
    private readonly TaskCompletionSource<CaptureEnd> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEvent stopping = new(false); // not the slim one, which spins in every round
    private readonly Thread drainer;
    private ulong anchorsTaken;
    private Ticks newestAnchor;
    private SessionReading? latest;
    private long progressSamples;
    private Exception? drainError;
    private bool stopWasAsked;

    private SamplingRun(CaptureOptions options, CaptureTarget target, HeldAgent agent, StackLearner learner, SamplingPace pace, Action<SamplingRun, MonotonicNanos>? plan, SessionReading? previous)
    {
        this.options = options;
        this.agent = agent;
        this.learner = learner;
        this.pace = pace;
        this.plan = plan;
        this.previous = previous;
        Target = target;
        region = agent.Region;
        session = new SessionAccount(region);
        anchorsTaken = session.Control.StartAnchor;
        clock = new TickMap(session.Control.ClockHz, pace.MostAnchors);
        var chains = new KeptChains(region);
        aggregator = new SampleAggregator(
            clock,
            new CodeGenerations(target.Events.Code),
            new RuleTimes(target.Events.Code, learner.Learned, chains, ip => target.Modules.Find(ip) is { Module: not NamelessModule }),
            new CodeDiscovery(target.Events.Code, target.Modules, chains, learner).Notice,
            (long)pace.Hold.TotalNanoseconds);
        drain = new RegionDrain(region, chains, new ModuleWatch(target.Modules, aggregator));
        drainer = new Thread(DrainUntilStopped) { Name = "drain", IsBackground = true };
    }

    public CaptureTarget Target { get; }

    public long Samples => Interlocked.Read(ref progressSamples);

    /// <summary>Samples lost so far, for whatever reason.</summary>
    public long Lost => (long)(session.Counter(Counter.LostRingFull) + session.Counter(Counter.LostStoreFull));

    /// <summary>Completes when sampling ended by itself; never faults.</summary>
    public Task<CaptureEnd> Ended => ended.Task;

    /// <summary>Threads, callers' chains and stacks remembered: what makes a run's memory grow.</summary>
    public int Remembered => drain.Threads.Count + drain.Chains.Count + aggregator.Keys.Count;

    /// <summary>When sampling began; null until the first round.</summary>
    public MonotonicNanos? Started => clock.IsEmpty ? null : session.AtStart(clock).Time;

    /// <summary>The latest reading, when it has stopped the last one; null where there was none.</summary>
    public SessionReading? Latest => latest;

    /// <summary>What was recognised of the clocks, one line each.</summary>
    public IReadOnlyList<string> ClockNotes => clock.Notes;

    /// <summary>Has the agent sample.</summary>
    /// <param name="options">How.</param>
    /// <param name="target">Disposed with the run, or here when this throws.</param>
    /// <param name="agent">Stays the caller's, and must outlive the run.</param>
    /// <param name="pace">How often to look.</param>
    /// <param name="plan">Called on the drain in every round, before samples are released: to open and drop windows.</param>
    /// <param name="previous">The last reading of the run that this one follows.</param>
    /// <exception cref="UserError">The agent cannot sample, or does not answer.</exception>
    public static SamplingRun Start(
        CaptureOptions options, CaptureTarget target, HeldAgent agent, SamplingPace pace, Action<SamplingRun, MonotonicNanos>? plan = null, SessionReading? previous = null)
    {
        StackLearner? learner = null;
        try
        {
            learner = new StackLearner(agent.Region, target.Events.Code, target.Shared, () => agent.IsOurs && target.IsRunning);
            learner.LearnKnown(pace.Learning);
            agent.Control.Start(options);
            target.Modules.Refresh();
            learner.Start();
            return new SamplingRun(options, target, agent, learner, pace, plan, previous);
        }
        catch (Exception e)
        {
            learner?.Dispose();
            target.Dispose();
            if (e is RegionFormatException)
                throw new UserError(ExitCode.SessionCreation, $"process {options.Pid}: {e.Message}");
            throw;
        }
    }

    /// <summary>Begins to drain.</summary>
    public void Begin() => drainer.Start();

    /// <summary>Adds a window. Before <see cref="Begin"/>, or in the plan.</summary>
    public void Open(RunWindow window)
    {
        windows.Add(window);
        aggregator.Open(window.Samples);
        if (latest is { } reading && reading.Time.Value >= window.Samples.From.Value)
            window.Read(reading, reading);
    }

    /// <summary>Forgets a window that nobody waits for any more. In the plan.</summary>
    public void Drop(RunWindow window)
    {
        windows.Remove(window);
        aggregator.Close(window.Samples);
        window.Dispose();
    }

    /// <summary>Stops sampling and drains what is left. Also valid when the target is gone.</summary>
    /// <exception cref="UserError">The samples could not be read.</exception>
    public RunEnd StopSampling()
    {
        string? warning = StopAgent(out bool answers);
        stopping.Set();
        if (drainer.IsAlive)
            drainer.Join();
        if (drainError is { } error)
            throw new UserError(ExitCode.Tracing, $"the samples of process {options.Pid} could not be read: {error.Message}");
        if (IsOurs)
            Pass();
        drain.Finish();
        /* The agent answers one learner at a time, and the next run has its own. */
        learner.Stop();
        return new RunEnd(answers, warning);
    }

    /// <summary>After <see cref="StopSampling"/>: names and closes all windows that are still open.</summary>
    public void CloseAll()
    {
        aggregator.ReleaseAll();
        SessionReading? last = clock.IsEmpty ? null : session.Latest(clock, Corrupt);
        while (windows.Count > 0)
        {
            if (last is not null)
            {
                windows[0].Read(latest ?? session.AtStart(clock), last);
                windows[0].EndAt(last);
            }
            Close(windows[0]);
        }
    }

    /// <summary>When sampling began and ended, in wall-clock time; valid once it has ended.</summary>
    public (UnixNanos Start, long DurationNanos) Interval()
    {
        if (clock.IsEmpty)
            return (default, 0);
        ref readonly RegionControl control = ref session.Control;
        UnixNanos start = clock.ToUnix(new Ticks(control.StartTicks));
        UnixNanos stop = clock.ToUnix(control.StopTicks != 0 ? new Ticks(control.StopTicks) : newestAnchor);
        return (start, Math.Max(0, stop.Value - start.Value));
    }

    public UnixNanos ToUnix(Ticks ticks) => clock.ToUnix(ticks);

    /// <summary>Stops the agent if that was not done, and drops windows that were not closed.</summary>
    public void Dispose()
    {
        stopping.Set();
        if (drainer.IsAlive)
            drainer.Join();
        using (stopping)
        using (Target)
        using (learner)
        {
            foreach (RunWindow window in windows)
                window.Dispose();
            if (!stopWasAsked)
                StopAgent(out _);
        }
    }

    /// <summary>Whether the rings are still this run's: a collector that was not heard of for long loses them.</summary>
    private bool IsOurs => agent.IsOurs && session.IsCurrent;

    private long Corrupt => drain.CorruptRings + drain.Chains.Corrupt;

    /// <param name="answers">Whether the process may be asked for more.</param>
    /// <returns>What kept the agent of a living target from stopping in good order, or null.</returns>
    private string? StopAgent(out bool answers)
    {
        stopWasAsked = true;
        answers = Target.IsRunning;
        if (!answers)
            return null;
        if (!IsOurs)
            return "the agent had not heard of this collector for too long, as if it were stopped, and stopped sampling; what it had not handed over is missing";
        if (region.Failed)
            return $"the agent stopped sampling: {region.Error}";
        if (agent.Control.Stop())
            return null;
        answers = false;
        return Target.IsRunning ? $"process {options.Pid} does not answer, its last moments are missing; is the process stopped?" : null;
    }

    private void DrainUntilStopped()
    {
        try
        {
            var sinceMaps = Stopwatch.StartNew();
            var sincePass = Stopwatch.StartNew();
            var sinceLetGo = Stopwatch.StartNew();
            TimeSpan interval = s_shortestInterval;
            ulong heartbeat = 0;
            while (!stopping.WaitOne(interval))
            {
                /* Before the rings are touched: they may be another collector's by now. */
                if (!IsOurs || region.Failed)
                {
                    ended.TrySetResult(CaptureEnd.LeaseLost);
                    return;
                }
                TimeSpan passed = sincePass.Elapsed;
                sincePass.Restart();
                interval = NextInterval(passed, Pass());
                /* /proc tells it at a price, above all in fifty targets: only of an agent that has not been heard of since. */
                bool isHeard = session.Control.HeartbeatNs != heartbeat;
                heartbeat = session.Control.HeartbeatNs;
                if (!isHeard && !Target.IsRunning)
                {
                    ended.TrySetResult(CaptureEnd.TargetExited);
                    return;
                }
                if (sinceLetGo.Elapsed >= s_letGo)
                {
                    region.LetGo();
                    sinceLetGo.Restart();
                }
                if (sinceMaps.Elapsed >= pace.Maps)
                {
                    Target.Modules.Refresh();
                    sinceMaps.Restart();
                }
            }
        }
        catch (Exception e)
        {
            drainError = e;
            ended.TrySetResult(CaptureEnd.LeaseLost);
        }
    }

    /// <summary>
    /// Rings fill in proportion to time. Twice the last interval at most: threads that were idle may not stay so.
    /// </summary>
    private TimeSpan NextInterval(TimeSpan passed, double fullest)
    {
        TimeSpan wanted = passed * Math.Min(2, FullEnough / Math.Max(fullest, 1e-9));
        return wanted < s_shortestInterval ? s_shortestInterval : wanted < pace.Round ? wanted : pace.Round;
    }

    /// <summary>One round.</summary>
    /// <returns>How full the fullest ring was, 0 to 1.</returns>
    private double Pass()
    {
        TakeAnchors();
        double fullest = drain.Drain();
        session.Refresh();
        var now = new MonotonicNanos(RegionInterop.MonotonicNow());
        plan?.Invoke(this, now);
        TakeReading();
        learner.LookForDrop();
        aggregator.Advance(now);
        Interlocked.Exchange(ref progressSamples, aggregator.Samples);
        CloseDue(now);
        return fullest;
    }

    private void TakeReading()
    {
        if (clock.IsEmpty)
            return;
        SessionReading before = latest ?? session.AtStart(clock);
        if (latest is null && previous is { } last)
        {
            /* For what begins or ends between two runs: of all clocks only the process's goes on. */
            foreach (RunWindow window in windows)
                window.Read(before with { Time = last.Time, ProcessNanos = last.ProcessNanos }, before);
        }
        SessionReading after = session.Latest(clock, Corrupt);
        if (latest is not null && after.Time.Value <= before.Time.Value)
            return;
        latest = after;
        foreach (RunWindow window in windows)
            window.Read(before, after);
    }

    private void CloseDue(MonotonicNanos now)
    {
        long released = now.Value - (long)pace.Hold.TotalNanoseconds;
        long closable = released - (long)pace.Round.TotalNanoseconds - StragglersNanos;
        for (int i = windows.Count - 1; i >= 0; i--)
        {
            RunWindow window = windows[i];
            if (window.Samples.To.Value > closable)
                continue;
            if (latest is not null && window.Samples.To.Value <= released - SilenceNanos)
                window.EndAt(latest);
            if (window.End is not null)
                Close(window);
        }
    }

    private void Close(RunWindow window)
    {
        windows.Remove(window);
        aggregator.Close(window.Samples);
        /* What is named is read on other threads, when this one may have gone on. */
        ProfileThread[] threads = [.. drain.Threads.Select(thread => new ProfileThread((int)thread.Tid, thread.Name))];
        var edges = new StackEdges(Target.Events.Code, learner.Learned, new CallTargets(Target.Events.Code, Target.Modules));
        var resolver = new StackResolver(drain.Chains, Target.Symbolizer, Target.Events.Code, learner.Learned, edges);
        window.Close(window.Samples.Name(aggregator.Keys, clock, resolver, index => threads[index]), RunAccount.Of(options, region, session, Target.Symbolizer, learner, aggregator.ReleasedEarly));
    }

    private void TakeAnchors()
    {
        ulong count = Volatile.Read(ref region.Control.AnchorCount);
        if (count - anchorsTaken > region.AnchorCapacity)
            anchorsTaken = count - Math.Min(count, region.AnchorCapacity / 2); /* what was overwritten is gone */
        for (; anchorsTaken < count; anchorsTaken++)
        {
            RegionAnchor anchor = region.Anchor(anchorsTaken);
            newestAnchor = new Ticks(anchor.TicksAfter);
            clock.Add(new ClockAnchor(
                new Ticks(anchor.TicksBefore),
                new Ticks(anchor.TicksAfter),
                new UnixNanos(anchor.RealtimeNs),
                new MonotonicNanos(anchor.MonotonicNs)));
        }
    }
}

/// <summary>How often a run looks at its target.</summary>
/// <param name="Round">Between two rounds of draining.</param>
/// <param name="Hold">How long samples wait for the code events of their time; the runtime sends those within a second.</param>
/// <param name="Maps">Between two looks at what the target has mapped, beside those that unknown addresses cause.</param>
/// <param name="Learning">How long to learn of the code there is before sampling begins; the rest is learned meanwhile.</param>
/// <param name="MostAnchors">Clock anchors kept.</param>
internal readonly record struct SamplingPace(TimeSpan Round, TimeSpan Hold, TimeSpan Maps, TimeSpan Learning, int MostAnchors)
{
    /// <summary>For one capture that somebody waits for. A process of a hundred thousand methods takes two seconds to learn.</summary>
    public static SamplingPace Prompt => new(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TickMap.MostKnots);

    /// <summary>
    /// For many targets at once, for ever. Rings hold four seconds and more at usual rates. Scrapers wait three seconds for
    /// a profile after its end (Parca), of which the hold and two rounds leave one. Learning first would be a gap. Mappings
    /// are read for what nobody asks for: a library that took the place of one that was unloaded.
    /// </summary>
    public static SamplingPace Steady => new(TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(1250), TimeSpan.FromSeconds(60), TimeSpan.Zero, 1 << 11);
}

/// <summary>How a run ended.</summary>
/// <param name="Answers">Whether the target may be asked for more.</param>
/// <param name="Warning">What kept the agent of a living target from stopping in good order, or null.</param>
internal sealed record RunEnd(bool Answers, string? Warning);
