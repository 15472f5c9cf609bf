using System.Runtime.CompilerServices;
using DotnetPprof.Model;
using DotnetPprof.Session;
using Microsoft.Extensions.Logging;

namespace DotnetPprof.Serve;

internal enum TargetState
{
    /// <summary>Not sampled (yet, or any more for the moment); <see cref="ServedTarget.Problem"/> may say why.</summary>
    Waiting,

    Sampling,

    /// <summary>The process has ended.</summary>
    Ended,
}

/// <summary>
/// One process from its discovery to its end: attached to, sampled in windows, and attached to again when that breaks
/// off while it lives.
/// </summary>
/// <param name="process">Which.</param>
/// <param name="options">How it is sampled.</param>
/// <param name="captures">Attaches to it.</param>
/// <param name="turns">How many processes are attached to at once; each costs a second of CPU time.</param>
/// <param name="finished">Given each regular window; must not take long.</param>
/// <param name="log">One line for each change.</param>
internal sealed class ServedTarget(
    ServedProcess process, ServeOptions options, CaptureFactory captures, SemaphoreSlim turns, Action<FinishedWindow> finished, ILogger log)
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_lastRetry = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(5);

    /// <summary>For an attaching that is under way at the end: the last windows of others are not to wait for one that hangs.</summary>
    private static readonly TimeSpan s_lastMoment = TimeSpan.FromSeconds(5);

    private volatile ContinuousCapture? capture;
    private volatile string? problem;
    private long steppedNanos;
    private int lostStretches;

    public ServedProcess Process { get; private set; } = process;

    /// <summary>What its regular windows had in them.</summary>
    public TargetHistory History { get; } = new();

    public TargetState State { get; private set; }

    /// <summary>Why it is not sampled, or null.</summary>
    public string? Problem => problem;

    /// <summary>Windows that are being sampled for it.</summary>
    public int OpenWindows => capture?.OpenWindows ?? 0;

    /// <summary>How often sampling broke off while the process lived.</summary>
    public int LostStretches => Volatile.Read(ref lostStretches);

    /// <summary>Samples it until it ends or <paramref name="stopping"/> is set, whatever goes wrong.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        TimeSpan retry = s_firstRetry;
        while (!stopping.IsCancellationRequested && IsRunning)
        {
            try
            {
                if (await Attach(stopping).ConfigureAwait(false))
                {
                    await Follow(stopping).ConfigureAwait(false);
                    retry = s_firstRetry;
                }
            }
            catch (Exception e)
            {
                BreakOff(FileProblem.OneLine(e.Message), stopping);
            }
            if (IsRunning)
                await Pause(retry, stopping).ConfigureAwait(false);
            retry = TimeSpan.FromTicks(Math.Min(retry.Ticks * 2, s_lastRetry.Ticks));
        }
        if (!IsRunning)
        {
            State = TargetState.Ended;
            problem = null;
        }
    }

    /// <summary>A profile of the next <paramref name="length"/>, or until the process's end; null when it cannot be had.</summary>
    public async Task<CaptureResult?> ProfileAsync(TimeSpan length, CancellationToken cancelled)
    {
        if (capture is not { } current)
            return null;
        var done = new TaskCompletionSource<CaptureResult?>(TaskCreationOptions.RunContinuationsAsynchronously);
        CaptureWindow window = current.Open(length, (_, result) => done.TrySetResult(result));
        await using ConfiguredAsyncDisposable registration = cancelled.Register(() =>
        {
            current.Cancel(window);
            done.TrySetCanceled(cancelled);
        }).ConfigureAwait(false);
        return await done.Task.ConfigureAwait(false);
    }

    private bool IsRunning => ProcFs.IsRunning(Process.Pid, Process.StartTime);

    private async Task<bool> Attach(CancellationToken stopping)
    {
        try
        {
            await turns.WaitAsync(stopping).ConfigureAwait(false);
            try
            {
                Task<ContinuousCapture> attaching = OnItsOwn(() => captures.AttachForever(
                    new CaptureOptions(Process.Pid, options.RateHz, Timestamps: options.Uploads.Otlp is not null, MaxOverheadPpm: options.MaxOverheadPpm),
                    options.Window,
                    options.AttachAll,
                    Finish));
                capture = await OrAbandon(attaching, s_lastMoment, stopping).ConfigureAwait(false);
            }
            finally
            {
                turns.Release();
            }
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        catch (Exception e)
        {
            string reason = FileProblem.OneLine(e.Message);
            if (IsRunning && problem != reason)
                log.LogWarning("{Service} ({Pid}) is not sampled: {Reason}", Process.Service, Process.Pid, reason);
            problem = reason;
            return false;
        }
    }

    /// <summary>Until sampling ends, and then sees to its windows.</summary>
    private async Task Follow(CancellationToken stopping)
    {
        using ContinuousCapture current = capture!;
        string? failure = null;
        try
        {
            try
            {
                Announce(current);
                while (!stopping.IsCancellationRequested && !current.Ended.IsCompleted)
                {
                    await Task.WhenAny(current.Ended, Pause(s_look, stopping)).ConfigureAwait(false);
                    if (current.SteppedNanos != steppedNanos)
                        TellStep(current.SteppedNanos);
                    if (current.NeedsRenewal && !stopping.IsCancellationRequested)
                    {
                        CaptureTarget next = await OrAbandon(OnItsOwn(current.PrepareRenewal), TimeSpan.Zero, stopping).ConfigureAwait(false);
                        if (stopping.IsCancellationRequested)
                            next.Dispose();
                        else
                            await OnItsOwn(() => current.Renew(next)).ConfigureAwait(false);
                    }
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                /* Before the renewal had begun. */
            }
            catch (Exception e)
            {
                failure = FileProblem.OneLine(e.Message);
            }
            string? warning = await OnItsOwn(current.End).ConfigureAwait(false);
            failure ??= warning;
        }
        finally
        {
            capture = null;
            State = TargetState.Waiting;
        }
        BreakOff(failure, stopping);
    }

    private void Announce(ContinuousCapture current)
    {
        Process = Process with { Runtime = current.RuntimeVersion };
        problem = null;
        State = TargetState.Sampling;
        log.LogInformation("sampling {Service} ({Pid})", Process.Service, Process.Pid);
        foreach (string warning in current.Warnings)
            log.LogWarning("{Service} ({Pid}): {Warning}", Process.Service, Process.Pid, warning);
    }

    /// <param name="reason">Why it is not sampled any more, or null.</param>
    /// <param name="stopping">Set where that was asked for.</param>
    private void BreakOff(string? reason, CancellationToken stopping)
    {
        bool isRunning = IsRunning;
        if (isRunning && !stopping.IsCancellationRequested)
        {
            Interlocked.Increment(ref lostStretches);
            problem = reason ?? "sampling broke off";
            log.LogWarning("{Service} ({Pid}) is not sampled for a moment: {Reason}", Process.Service, Process.Pid, problem);
            return;
        }
        if (reason is not null)
            log.LogError("{Service} ({Pid}): {Error}", Process.Service, Process.Pid, reason);
        if (!isRunning)
            log.LogInformation("{Service} ({Pid}) ended", Process.Service, Process.Pid);
    }

    private void Finish(CaptureWindow window, CaptureResult? result)
    {
        if (result is null || window.WallEnd.Value <= window.Bounds.WallFrom.Value)
            return;
        var done = new FinishedWindow(Process, window.Bounds.WallFrom, window.WallEnd, window.IsCut, result.Profile, result.Summary);
        History.Add(done);
        finished(done);
    }

    private void TellStep(long stepped)
    {
        log.LogWarning("the wall clock was stepped by {Seconds:+0.000;-0.000} s; the windows of {Service} ({Pid}) follow it", (stepped - steppedNanos) / 1e9, Process.Service, Process.Pid);
        steppedNanos = stepped;
    }

    /// <summary>Work that blocks cannot be called off: what comes of it too late is disposed.</summary>
    /// <exception cref="OperationCanceledException">Once <paramref name="stopping"/> was set it has not ended within <paramref name="patience"/>.</exception>
    internal static async Task<T> OrAbandon<T>(Task<T> blocking, TimeSpan patience, CancellationToken stopping)
        where T : IDisposable
    {
        await ((Task)blocking).WaitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!blocking.IsCompleted)
            await ((Task)blocking).WaitAsync(patience, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (blocking.IsCompleted)
            return await blocking.ConfigureAwait(false);
        _ = blocking.ContinueWith(late => late.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        _ = blocking.ContinueWith(late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        throw new OperationCanceledException(stopping);
    }

    private static Task<T> OnItsOwn<T>(Func<T> blocking)
    {
        try
        {
            return Task.Factory.StartNew(blocking, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        catch (TaskSchedulerException)
        {
            /* No thread can be started; one of the pool's will do. */
            return Task.Run(blocking);
        }
    }

    private static Task OnItsOwn(Action blocking) => OnItsOwn(() =>
    {
        blocking();
        return true;
    });

    private static async Task Pause(TimeSpan time, CancellationToken stopping) =>
        await Task.Delay(time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
