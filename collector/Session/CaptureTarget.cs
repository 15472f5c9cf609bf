using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>A process with its symbols' sources: what a capture needs of it beside the agent.</summary>
internal sealed class CaptureTarget : IDisposable
{
    private static readonly TimeSpan s_symbolPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_silentPatience = TimeSpan.FromSeconds(3);

    private readonly List<string> warnings = [];

    public CaptureTarget(int pid, DiagnosticsClient client)
    {
        Pid = pid;
        Client = client;
        StartTime = ProcFs.StartTime(pid) ?? throw new UserError(ExitCode.SessionCreation, $"there is no process {pid}");
        Events = new EventPipeSymbols(client);
        Modules = new NativeModules(pid, Warn);
        Symbolizer = new Symbolizer(Events.Code, Events.Modules, Modules);
    }

    public int Pid { get; }

    public DiagnosticsClient Client { get; }

    public ulong StartTime { get; }

    public EventPipeSymbols Events { get; }

    public NativeModules Modules { get; }

    public Symbolizer Symbolizer { get; }

    /// <summary>Whether it still runs; a zombie does not.</summary>
    public bool IsRunning => ProcFs.IsRunning(Pid) && ProcFs.StartTime(Pid) == StartTime;

    public IReadOnlyList<string> Warnings
    {
        get
        {
            lock (warnings)
                return [.. warnings, .. Events.Warnings];
        }
    }

    public void AttachSymbols() => Events.Attach(s_symbolPatience);

    public void AttachSymbolsSuspended() => Events.AttachSuspended(s_symbolPatience);

    /// <param name="answers">Whether the target is expected to: one that does not is not waited for.</param>
    public void FinishSymbols(bool answers)
    {
        if (IsRunning)
            Modules.Refresh();
        Events.Finish(answers ? s_symbolPatience : s_silentPatience);
    }

    public void Dispose()
    {
        Events.Dispose();
        Modules.Dispose();
    }

    private void Warn(string warning)
    {
        lock (warnings)
            warnings.Add(warning);
    }
}
