using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Symbolize.Lines;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>A process with its symbols' sources: what a capture needs of it beside the agent.</summary>
internal sealed class CaptureTarget : IDisposable
{
    private static readonly TimeSpan s_symbolPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_silentPatience = TimeSpan.FromSeconds(3);

    private readonly List<string> warnings = [];
    private readonly PdbFiles pdbs;
    private readonly bool askedForInlinees;

    /// <param name="options">How it is sampled.</param>
    /// <param name="client">Its diagnostic port.</param>
    /// <param name="shared">With other targets.</param>
    public CaptureTarget(CaptureOptions options, DiagnosticsClient client, SharedSymbols shared)
    {
        Shared = shared;
        int pid = Pid = options.Pid;
        Client = client;
        StartTime = ProcFs.StartTime(pid) ?? throw new UserError(ExitCode.SessionCreation, $"there is no process {pid}");
        askedForInlinees = ProcFs.InitialEnvironment(pid).TryGetValue(AgentVariables.RichDebugInfo, out string? value) && value.Trim() == "1";
        Events = new EventPipeSymbols(client, options.Symbols, shared.Names);
        Modules = new NativeModules(pid, Warn, shared.Files);
        pdbs = new PdbFiles($"/proc/{pid}/root", options.Symbols.Directory, Warn, shared);
        Symbolizer = new Symbolizer(Events.Code, Events.Modules, Modules, new SourceFrames(pdbs, Events.Identities, Events.Modules));
    }

    public int Pid { get; }

    public DiagnosticsClient Client { get; }

    public ulong StartTime { get; }

    public SharedSymbols Shared { get; }

    public EventPipeSymbols Events { get; }

    public NativeModules Modules { get; }

    public Symbolizer Symbolizer { get; }

    /// <summary>Whether its runtime tells what it inlines; where nothing was compiled meanwhile its environment says so.</summary>
    private bool TellsInlinees => Events.TellsInlinees || askedForInlinees;

    /// <summary>What to do to see more of it, or null.</summary>
    public string? Hint => TellsInlinees ? null : $"methods that the JIT inlined are not shown: the target must be started with {AgentVariables.RichDebugInfo}=1, as `dotnet-pprof env` prints it";

    /// <summary>Whether it still runs; a zombie does not.</summary>
    public bool IsRunning => ProcFs.IsRunning(Pid, StartTime);

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
        pdbs.Dispose();
    }

    private void Warn(string warning)
    {
        lock (warnings)
            warnings.Add(warning);
    }
}
