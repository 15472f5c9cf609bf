using System.Collections.Concurrent;
using DotnetPprof.Annotate;
using DotnetPprof.Model;
using DotnetPprof.Session;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Commands;

/// <param name="Path">Where the profile was written.</param>
/// <param name="Files">The files it is in, this path's first.</param>
/// <param name="Summary">Of the capture.</param>
/// <param name="Top">Its top functions.</param>
internal sealed record WrittenProfile(string Path, IReadOnlyList<string> Files, CaptureSummary Summary, IReadOnlyList<TopFunction> Top, IReadOnlyList<HotBody> Code);

/// <summary>The captures of a launched command: one per process that was meant, each written as soon as it ends.</summary>
/// <param name="services">What it works with.</param>
/// <param name="options">What was asked for.</param>
/// <param name="onSkip">Told of programs that cannot be profiled by their nature.</param>
/// <param name="onError">Told at once of what kept a process from being profiled: the command may run for hours.</param>
internal sealed class LaunchedCaptures(CommandServices services, CollectOptions options, Action<string> onSkip, Action<Exception> onError) : ILaunchObserver
{
    private readonly ConcurrentDictionary<int, ISuspendedCapture> _suspended = new();
    private readonly ConcurrentQueue<WrittenProfile> _written = new();
    private readonly List<Running> _running = [];
    private readonly HashSet<string> _paths = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _firstStarted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<int> _starting = [];
    private bool _closed;

    private sealed record Running(ICapture Capture, Task Finished);

    /// <summary>Completes when the first capture samples.</summary>
    internal Task FirstStarted => _firstStarted.Task;

    internal IReadOnlyCollection<WrittenProfile> Written => _written;

    public bool WantsMore
    {
        get
        {
            lock (_running) return !_closed;
        }
    }

    /// <summary>Of all captures together, null before the first.</summary>
    internal CaptureProgress? Progress
    {
        get
        {
            ICapture[] captures;
            lock (_running) captures = [.. _running.Where(running => !running.Finished.IsCompleted).Select(running => running.Capture)];
            if (captures.Length == 0) return null;
            var parts = captures.Select(capture => capture.Progress).ToList();
            return new CaptureProgress(parts.Max(part => part.Elapsed), parts.Sum(part => part.Samples), parts.Sum(part => part.Lost), parts.Sum(part => part.SamplesPerSecond));
        }
    }

    public void OnSuspended(DiagnosticsClient client, int pid)
    {
        lock (_running)
        {
            if (_closed) throw new OperationCanceledException("sampling is over");
            // From here to the end of OnResumed a stop waits for this process.
            _starting.Add(pid);
        }

        try
        {
            _suspended[pid] = services.Captures.Prepare(options.ForProcess(pid), client);
        }
        catch
        {
            Started(pid);
            throw;
        }
    }

    public void OnResumed(int pid)
    {
        try
        {
            if (!_suspended.TryRemove(pid, out var suspended)) return;
            using (suspended)
            {
                // The name is taken now: when the capture ends the process is gone.
                string name = LaunchPolicy.Describe(pid)?.Name ?? $"{pid}";
                Follow(suspended.Start(), pid, name);
            }

            _firstStarted.TrySetResult();
        }
        finally
        {
            Started(pid);
        }
    }

    public void OnSkipped(string reason) => onSkip(reason);

    public void OnFailed(int pid, Exception error)
    {
        if (error is not OperationCanceledException) onError(error);
        if (_suspended.TryRemove(pid, out var suspended)) suspended.Dispose();
        Started(pid);
    }

    private void Started(int pid)
    {
        lock (_running)
        {
            _starting.Remove(pid);
            Monitor.PulseAll(_running);
        }
    }

    private void Follow(ICapture capture, int pid, string name)
    {
        string path = Reserve(pid, name);
        lock (_running)
        {
            var ended = Task.WhenAny(capture.Ended, _closing.Task);
            var finished = ended.ContinueWith(
                _ => Finish(capture, path), CancellationToken.None, TaskContinuationOptions.LongRunning, TaskScheduler.Default);
            _running.Add(new Running(capture, finished));
        }
    }

    /// <summary>The first process gets the name that was asked for, later ones their pid in it.</summary>
    private string Reserve(int pid, string name)
    {
        string wanted = options.Output ?? OutputPath.Default(name, DateTime.Now);
        lock (_paths)
        {
            if (_paths.Add(wanted)) return wanted;
            string own = OutputPath.WithPid(wanted, pid);
            _paths.Add(own);
            return own;
        }
    }

    private void Finish(ICapture capture, string path)
    {
        try
        {
            using (capture)
            {
                var result = capture.Finish();
                var files = services.Profiles.Write(path, result.Profile);
                if (options.Code) CodeFile.Write(CodeFile.BesideProfile(path), result.Code);
                _written.Enqueue(new WrittenProfile(path, files, result.Summary, services.Profiles.Top(result.Profile, CaptureView.TopCount, inclusive: false), result.Code));
                if (result.Summary.Failure is { } failure) onError(new UserError(ExitCode.Tracing, failure));
            }
        }
        catch (Exception error)
        {
            onError(error);
        }
    }

    /// <summary>Ends all captures, takes no more, and returns when every profile is written.</summary>
    internal void FinishAll()
    {
        Task[] finished;
        lock (_running)
        {
            _closed = true;
            // One that is just being resumed becomes a capture, fails, or dies, within the agent's patience.
            for (int rounds = 0; rounds < 50 && _starting.Any(ProcFs.Exists); rounds++) Monitor.Wait(_running, TimeSpan.FromMilliseconds(200));
            finished = [.. _running.Select(running => running.Finished)];
        }

        _closing.TrySetResult();
        Task.WaitAll(finished);
    }
}
