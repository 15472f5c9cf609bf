using System.Runtime.InteropServices;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Session;

namespace DotnetPprof.Commands;

/// <summary>
/// <c>collect -- COMMAND</c>. What we say goes to standard error: standard output is the command's own, and stays what
/// it would be without us.
/// </summary>
internal sealed class LaunchRun(CommandServices services, CollectOptions options)
{
    /// <summary>How long a command that was sent Ctrl-C may take to end by itself before its profile is written.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile int _errorCode;
    private volatile bool _skipped;

    private CaptureView View => field ??= new CaptureView(IsOwnProgram ? services.Output : services.Error);

    /// <summary>Set for a program of our own: it prints nothing, and nobody but us would stop it.</summary>
    internal bool IsOwnProgram { get; init; }

    internal int Run()
    {
        OutputPath.CheckWritable(options.Output ?? OutputPath.Default("x", DateTime.Now));
        var captures = new LaunchedCaptures(services, options, OnSkipped, OnError);
        var started = new TaskCompletionSource<LaunchedProgram>();
        // One that comes while the program is being started is passed on once it runs.
        using var stop = new StopRequests(signal => started.Task.ContinueWith(
            program => Forward(signal, program.Result), TaskContinuationOptions.OnlyOnRanToCompletion));
        using var launched = LaunchSession.Start(options.Command!, services.AgentPath, captures);
        started.SetResult(launched.Program);

        var exited = launched.Program.Exited;
        var end = Task.WhenAny(exited, stop.First, Elapsed(captures), IsOwnProgram ? _failed.Task : exited);
        bool sharesTerminal = !IsOwnProgram && !Console.IsOutputRedirected;
        if (sharesTerminal) end.Wait(); // a line redrawn in place would fight with the command's own output
        else View.Follow(end, () => captures.Progress);

        if (stop.First.IsCompleted) Task.WhenAny(exited, stop.Second, Task.Delay(s_grace)).Wait();
        captures.FinishAll();
        if (IsOwnProgram) launched.Program.Signal(ProcessInterop.SigTerm);
        int written = Report(captures, launched);
        exited.Wait();
        return IsOwnProgram ? written : Combine(launched.Program.ExitCode, written);
    }

    /// <summary>The asked duration, counted from where sampling began: `dotnet run` builds first.</summary>
    private async Task Elapsed(LaunchedCaptures captures)
    {
        await captures.FirstStarted;
        await Task.Delay(options.Duration ?? Timeout.InfiniteTimeSpan);
    }

    private static void Forward(PosixSignal signal, LaunchedProgram program)
    {
        // What the terminal sends goes to the whole group, the command included; the rest was sent to us alone.
        if ((signal is PosixSignal.SIGINT or PosixSignal.SIGHUP) && ProcessInterop.IsForegroundOfTerminal()) return;
        program.Signal(signal switch
        {
            PosixSignal.SIGINT => ProcessInterop.SigInt,
            PosixSignal.SIGHUP => ProcessInterop.SigHup,
            _ => ProcessInterop.SigTerm,
        });
    }

    private void OnSkipped(string reason)
    {
        View.Warn(reason);
        _skipped = true;
    }

    private void OnError(Exception error)
    {
        _errorCode = CommandLine.Report(error, services.Error);
        _failed.TrySetResult();
    }

    private int Report(LaunchedCaptures captures, LaunchSession launched)
    {
        // The one that did the work is shown last and in full: it is what stays on the screen.
        var profiles = captures.Written.OrderBy(profile => profile.Summary.CpuNanos).ToList();
        foreach (var profile in profiles.SkipLast(1)) View.SummarizeBriefly(profile.Path, profile.Summary, profile.Files);
        foreach (var profile in profiles.TakeLast(1)) View.Summarize(profile.Path, profile.Summary, profile.Top, profile.Files);
        if (options.Annotate is { } method && profiles.Count > 0) AnnotateCommand.Show(IsOwnProgram ? services.Output : services.Error, profiles[^1].Code, method);
        if (_errorCode != 0 || profiles.Count > 0) return _errorCode;
        if (!_skipped) View.Warn(WhyNothing(launched));
        return (int)ExitCode.SessionCreation;
    }

    private string WhyNothing(LaunchSession launched) => launched.SawRuntimes
        ? "nothing was profiled: only the SDK's own tools ran; to profile one, name it: dotnet exec .../sdk/VERSION/Roslyn/bincore/csc.dll"
        : $"nothing was profiled: '{options.Command![0]}' started no .NET program that reports (NativeAOT and DOTNET_EnableDiagnostics=0 do not)";

    /// <summary>The command's own failure comes first.</summary>
    private static int Combine(int program, int profiling) => program != 0 ? program : profiling;
}
