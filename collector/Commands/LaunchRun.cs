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

    private CaptureView View => field ??= new CaptureView(IsOwnProgram ? services.Output : services.Error);

    /// <summary>Set for a program of our own: it prints nothing, and nobody but us would stop it.</summary>
    internal bool IsOwnProgram { get; init; }

    internal int Run()
    {
        OutputPath.CheckWritable(options.Output ?? OutputPath.Default("x", DateTime.Now));
        var captures = new LaunchedCaptures(services, options, OnError);
        LaunchSession? session = null;
        using var stop = new StopRequests(signal => Forward(signal, Volatile.Read(ref session)));
        using var launched = LaunchSession.Start(options.Command!, services.AgentPath, captures);
        Volatile.Write(ref session, launched);

        var exited = launched.Program.Exited;
        var end = Task.WhenAny(exited, stop.First, Elapsed(captures), IsOwnProgram ? _failed.Task : exited);
        bool sharesTerminal = !IsOwnProgram && !Console.IsOutputRedirected;
        if (sharesTerminal) end.Wait(); // a line redrawn in place would fight with the command's own output
        else View.Follow(end, () => captures.Progress);

        if (stop.First.IsCompleted) Task.WhenAny(exited, stop.Second, Task.Delay(s_grace)).Wait();
        captures.FinishAll();
        if (IsOwnProgram) launched.Program.Signal(ProcessInterop.SigTerm);
        int written = Report(captures);
        exited.Wait();
        return IsOwnProgram ? written : Combine(launched.Program.ExitCode, written);
    }

    /// <summary>The asked duration, counted from where sampling began: `dotnet run` builds first.</summary>
    private async Task Elapsed(LaunchedCaptures captures)
    {
        await captures.FirstStarted;
        await Task.Delay(options.Duration ?? Timeout.InfiniteTimeSpan);
    }

    private static void Forward(PosixSignal signal, LaunchSession? session)
    {
        // What the terminal sends goes to the whole group, the command included; the rest was sent to us alone.
        if ((signal is PosixSignal.SIGINT or PosixSignal.SIGHUP) && ProcessInterop.IsForegroundOfTerminal()) return;
        session?.Program.Signal(signal switch
        {
            PosixSignal.SIGINT => ProcessInterop.SigInt,
            PosixSignal.SIGHUP => ProcessInterop.SigHup,
            _ => ProcessInterop.SigTerm,
        });
    }

    private void OnError(Exception error)
    {
        _errorCode = CommandLine.Report(error, services.Error);
        _failed.TrySetResult();
    }

    private int Report(LaunchedCaptures captures)
    {
        foreach (var profile in captures.Written) View.Summarize(profile.Path, profile.Summary, profile.Top);
        if (_errorCode != 0 || captures.Written.Count > 0) return _errorCode;
        View.Warn($"nothing was profiled: '{options.Command![0]}' started no .NET program of its own (DOTNET_EnableDiagnostics=0 and NativeAOT hide one)");
        return (int)ExitCode.SessionCreation;
    }

    /// <summary>The command's own failure comes first.</summary>
    private static int Combine(int program, int profiling) => program != 0 ? program : profiling;
}
