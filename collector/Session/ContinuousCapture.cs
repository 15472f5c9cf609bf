using System.Collections.Concurrent;
using System.Diagnostics;
using DotnetPprof.Aggregate;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>
/// A process sampled without end. Regular windows follow each other without a gap, and others are opened when somebody
/// asks for one. Below them runs of the agent follow each other: each has memory of its own, which goes with it, and the
/// next one knows all names before the last one lets go of them. Windows are opened on the drain of the current run, and
/// so before any sample that is theirs is dealt out; the lock guards them against the run before, which is still naming
/// its last samples.
/// </summary>
internal sealed class ContinuousCapture : IDisposable
{
    private static readonly TimeSpan s_longestRun = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_shortestRun = TimeSpan.FromMinutes(1);

    /// <summary>Where the runtime did not tell what code there is, it is asked again.</summary>
    private static readonly TimeSpan s_namelessRun = TimeSpan.FromMinutes(5);

    /// <summary>Threads, stacks and chains of a run: some 100 bytes each, callers not counted.</summary>
    private const int MostRemembered = 300_000;

    private const int MostMissedWindows = 10;

    private readonly CaptureOptions options;
    private readonly HeldAgent agent;
    private readonly Action<CaptureWindow, CaptureResult?> regularFinished;
    private readonly WindowSchedule schedule;
    private readonly ConcurrentQueue<CaptureWindow> requests = new();
    private readonly ConcurrentQueue<CaptureWindow> cancelled = new();
    private readonly List<CaptureWindow> windows = [];
    private readonly Lock gate = new();
    private readonly TaskCompletionSource<CaptureEnd> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Stopwatch runAge = Stopwatch.StartNew();
    private SamplingRun run;
    private CaptureWindow? regular;
    private long overdrawn;
    private bool isEnding;

    private ContinuousCapture(
        CaptureOptions options, CaptureTarget target, HeldAgent agent, TimeSpan length, Action<CaptureWindow, CaptureResult?> regularFinished)
    {
        this.options = options;
        this.agent = agent;
        this.regularFinished = regularFinished;
        schedule = new WindowSchedule((long)length.TotalNanoseconds);
        run = StartRun(target, previous: null);
        try
        {
            run.Begin();
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>Completes when sampling ended by itself: <see cref="End"/> is to be called.</summary>
    public Task<CaptureEnd> Ended => ended.Task;

    public string RuntimeVersion => agent.Region.RuntimeVersion;

    /// <summary>One line each, of the current run's symbols and clocks.</summary>
    public IReadOnlyList<string> Warnings => run.Target.Warnings;

    /// <summary>How far the wall clock was found to have been stepped since the start; nanoseconds.</summary>
    public long SteppedNanos => schedule.SteppedNanos;

    /// <summary>Windows that are open, regular ones among them.</summary>
    public int OpenWindows
    {
        get
        {
            lock (gate)
                return windows.Count + requests.Count;
        }
    }

    /// <summary>Whether the current run has remembered enough: <see cref="Renew"/> is to be called.</summary>
    public bool NeedsRenewal =>
        runAge.Elapsed > s_longestRun
        || (runAge.Elapsed > s_shortestRun && run.Remembered > MostRemembered)
        || (runAge.Elapsed > s_namelessRun && run.Target.Events.Warnings.Count > 0);

    /// <summary>Has the agent sample.</summary>
    /// <param name="options">How. Timestamps are those of regular windows: others are asked for by who adds samples up.</param>
    /// <param name="target">Its symbols attached. Owned from here on, also when this throws.</param>
    /// <param name="agent">The same.</param>
    /// <param name="length">Of a regular window.</param>
    /// <param name="regularFinished">Told of each regular window, on a thread that must not be held up.</param>
    /// <exception cref="UserError">The agent cannot sample.</exception>
    public static ContinuousCapture Start(
        CaptureOptions options, CaptureTarget target, HeldAgent agent, TimeSpan length, Action<CaptureWindow, CaptureResult?> regularFinished)
    {
        try
        {
            return new ContinuousCapture(options, target, agent, length, regularFinished);
        }
        catch
        {
            agent.Dispose();
            throw;
        }
    }

    /// <summary>Opens a window that begins now.</summary>
    /// <param name="length">Until when.</param>
    /// <param name="finished">
    /// Told of its profile some seconds after its end, or of null when the process ended before it had begun; on a thread
    /// that must not be held up.
    /// </param>
    public CaptureWindow Open(TimeSpan length, Action<CaptureWindow, CaptureResult?> finished)
    {
        long now = RegionInterop.MonotonicNow();
        long wall = now + RegionInterop.WallAhead();
        long nanos = (long)length.TotalNanoseconds;
        var bounds = new WindowBounds(new(now), new(now + nanos), new(wall), new(wall + nanos));
        var window = new CaptureWindow(bounds, isRegular: false, finished);
        lock (gate)
        {
            if (!isEnding)
            {
                requests.Enqueue(window);
                return window;
            }
        }
        finished(window, null);
        return window;
    }

    /// <summary>Nobody waits for the window any more: nothing is kept for it, and nobody is told.</summary>
    public void Cancel(CaptureWindow window) => cancelled.Enqueue(window);

    /// <summary>
    /// Asks the runtime once more what code there is, for <see cref="Renew"/>. Takes a second or so, and much longer where
    /// it does not answer; sampling goes on, and may be ended meanwhile.
    /// </summary>
    public CaptureTarget PrepareRenewal()
    {
        var target = new CaptureTarget(options, new DiagnosticsClient(options.Pid), run.Target.Shared);
        try
        {
            target.AttachSymbols();
            return target;
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Has another run of the agent follow the current one. Sampling rests for some milliseconds, of which the CPU time is
    /// accounted for. Where that fails, sampling has ended.
    /// </summary>
    /// <param name="target">Of <see cref="PrepareRenewal"/>. Owned from here on, also when this throws.</param>
    public void Renew(CaptureTarget target)
    {
        SamplingRun old = run;
        RunEnd end;
        SamplingRun next;
        try
        {
            if (ended.Task.IsCompleted)
            {
                target.Dispose();
                return;
            }
            end = old.StopSampling();
            next = StartRun(target, old.Latest);
        }
        catch (UserError)
        {
            target.Dispose();
            ended.TrySetResult(old.Target.IsRunning ? CaptureEnd.LeaseLost : CaptureEnd.TargetExited);
            return;
        }
        catch
        {
            target.Dispose();
            throw;
        }
        lock (gate)
        {
            foreach (CaptureWindow window in windows)
            {
                /* Also one that ends between the two: what CPU time there was up to then is known at the next one's start. */
                bool goesOn = window.Current is { End: null };
                window.Leave();
                if (goesOn)
                    next.Open(window.Enter((part, account) => Take(window, part, account)));
            }
            run = next;
        }
        runAge.Restart();
        using (old)
        {
            next.Begin();
            /* Behind the next run's back: what is named here was sampled before. */
            old.Target.FinishSymbols(end.Answers);
            old.CloseAll();
        }
    }

    /// <summary>
    /// Stops sampling, and finishes all windows where they are. Called once. What it throws is not to be expected, and then
    /// some windows are left to <see cref="Dispose"/>.
    /// </summary>
    /// <returns>What kept sampling from stopping in good order while the target lived, or null.</returns>
    public string? End()
    {
        lock (gate)
            isEnding = true;
        string? warning;
        try
        {
            RunEnd end = run.StopSampling();
            warning = end.Warning;
            /* Of a process that is gone the last events are there to be read; a living one is not asked for more. */
            if (!end.Answers)
                run.Target.FinishSymbols(answers: false);
        }
        catch (Exception e)
        {
            /* Whatever it is, the windows have what was sampled before. */
            warning = FileProblem.OneLine(e.Message);
        }
        run.CloseAll();
        while (requests.TryDequeue(out CaptureWindow? window))
            window.Finished(window, null);
        return warning;
    }

    /// <summary>Whoever waits for a window that was not finished is told that there is none.</summary>
    public void Dispose()
    {
        try
        {
            GiveUp();
        }
        finally
        {
            /* Last, and in any case: an agent that stays ours is nobody's. */
            using (agent)
                run.Dispose();
        }
    }

    private void GiveUp()
    {
        List<CaptureWindow> left;
        lock (gate)
        {
            isEnding = true;
            left = [.. windows, .. requests];
            windows.Clear();
            requests.Clear();
        }
        foreach (CaptureWindow window in left)
            window.Finished(window, null);
    }

    private SamplingRun StartRun(CaptureTarget target, SessionReading? previous)
    {
        SamplingRun started = SamplingRun.Start(options, target, agent, SamplingPace.Steady, Plan, previous);
        started.Ended.ContinueWith(end => ended.TrySetResult(end.Result), TaskContinuationOptions.ExecuteSynchronously);
        return started;
    }

    /// <summary>On the current run's drain, in every round.</summary>
    private void Plan(SamplingRun current, MonotonicNanos now)
    {
        lock (gate)
        {
            if (isEnding)
                return;
            while (requests.TryDequeue(out CaptureWindow? window))
                Enter(current, window);
            while (cancelled.TryDequeue(out CaptureWindow? window))
                Leave(current, window);
            while (regular is null || now.CompareTo(regular.Bounds.To) >= 0)
            {
                bool isGap = regular is not null && (now.Value - regular.Bounds.To.Value) / MostMissedWindows > regular.Bounds.To.Value - regular.Bounds.From.Value;
                MonotonicNanos begin = regular is null ? current.Started ?? now : now;
                regular = new CaptureWindow(schedule.Next(isGap ? null : regular?.Bounds, begin, RegionInterop.WallAhead()), isRegular: true, regularFinished, keepsTimes: options.Timestamps);
                Enter(current, regular);
            }
        }
    }

    private void Enter(SamplingRun current, CaptureWindow window)
    {
        windows.Add(window);
        current.Open(window.Enter((part, account) => Take(window, part, account)));
    }

    private void Leave(SamplingRun current, CaptureWindow window)
    {
        if (!windows.Remove(window) || window.Current is not { } part)
            return;
        window.Leave();
        current.Drop(part);
    }

    /// <summary>On the drain of the part's run.</summary>
    private void Take(CaptureWindow window, RunWindow part, RunAccount account)
    {
        CaptureResult result;
        lock (gate)
        {
            window.Take(part, account);
            if (window.Outstanding > 0 || !windows.Contains(window))
                return;
            window.Leave();
            result = Report(window);
            windows.Remove(window);
        }
        window.Finished(window, result);
    }

    private CaptureResult Report(CaptureWindow window)
    {
        MonotonicNanos? last = window.Parts[^1].Window.End?.Time;
        if (isEnding && window.Bounds.To.CompareTo(last ?? window.Bounds.From) > 0)
            window.WallEnd = new(window.Bounds.WallFrom.Value + Math.Max(0, (last ?? window.Bounds.From).Value - window.Bounds.From.Value));
        var report = new CaptureReport(
            options, window.Parts, window.Bounds.WallFrom, window.WallEnd.Value - window.Bounds.WallFrom.Value, run.Target.Warnings)
        {
            TargetEnded = isEnding && !run.Target.IsRunning,
            Overdrawn = window.IsRegular ? overdrawn : 0,
        };
        CaptureResult result = report.Build();
        if (window.IsRegular)
            overdrawn = report.OverdrawnAfter;
        /* Their clock is the drain's, and goes on. */
        return result.Profile.Timed is { } timed ? result with { Profile = result.Profile with { Timed = new ListedTimedSamples(timed) } } : result;
    }
}
