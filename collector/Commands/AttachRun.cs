using DotnetPprof.Annotate;
using DotnetPprof.Model;
using DotnetPprof.Session;

namespace DotnetPprof.Commands;

/// <summary><c>collect</c> on a process that runs already.</summary>
internal sealed class AttachRun(CommandServices services, CollectOptions options)
{
    /// <summary>How long attaching may go on after Ctrl-C; with a process that does not answer it takes half a minute to fail.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    private readonly CaptureView _view = new(services.Output);

    internal int Run()
    {
        int pid = options.Pid ?? TargetSelection.ByName(options.Name!, services.Discovery.List());
        TargetSelection.CheckCanBeProfiled(pid);
        string name = LaunchPolicy.Describe(pid)?.Name ?? $"{pid}";
        string output = options.Output ?? OutputPath.Default(name, DateTime.Now);
        OutputPath.CheckWritable(output);

        using var stop = new StopRequests();
        _view.Say($"Attaching to {name} ({pid})...");
        using var capture = Attach(pid, name, stop);
        bool listensForEnter = !Console.IsInputRedirected && Interop.ProcessInterop.IsForegroundOfTerminal();
        if (listensForEnter) stop.ListenForEnter();
        string how = listensForEnter ? "Ctrl-C or Enter" : "Ctrl-C";
        _view.Say(options.Duration is { } limit ? $"Sampling for {limit:g}; {how} ends it early." : $"Sampling; {how} ends it.");

        var time = options.Duration is { } duration ? Task.Delay(duration) : Task.Delay(Timeout.Infinite);
        _view.Follow(Task.WhenAny(stop.First, capture.Ended, time), () => capture.Progress);
        bool leaseLost = false;
        if (capture.Ended.IsCompleted)
        {
            leaseLost = capture.Ended.Result == CaptureEnd.LeaseLost;
            _view.Warn(leaseLost ? "the agent stopped serving this collector; the profile ends there" : $"{name} ({pid}) ended; the profile holds what came before");
        }

        var result = capture.Finish();
        var files = services.Profiles.Write(output, result.Profile);
        if (options.Code) CodeFile.Write(CodeFile.BesideProfile(output), result.Code);
        _view.Summarize(output, result.Summary, services.Profiles.Top(result.Profile, CaptureView.TopCount, inclusive: false), files);
        if (options.Annotate is { } method) AnnotateCommand.Show(services.Output, result.Code, method);
        if (result.Summary.Failure is { } failure) throw new UserError(ExitCode.Tracing, failure);
        return (int)(leaseLost ? ExitCode.Tracing : ExitCode.Ok);
    }

    /// <summary>On a thread that does not keep this process, which may not want to wait for it.</summary>
    private ICapture Attach(int pid, string name, StopRequests stop)
    {
        Task<ICapture> attaching = Task.Factory.StartNew(
            () => services.Captures.Attach(options.ForProcess(pid)), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Task.WhenAny(attaching, stop.First).Wait();
        Task.WhenAny(attaching, Task.Delay(s_grace)).Wait();
        if (attaching.IsCompleted) return attaching.GetAwaiter().GetResult();
        attaching.ContinueWith(late => late.Result.Dispose(), TaskContinuationOptions.OnlyOnRanToCompletion);
        throw new UserError(ExitCode.SessionCreation, $"stopped before {name} ({pid}) answered; nothing was sampled");
    }
}
