using System.Net.Sockets;
using DotnetPprof.Model;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>A launched command: gives the runtimes that were meant the agent, and lets all others go.</summary>
internal sealed class LaunchSession : IDisposable
{
    private const string DiagnosticPorts = "DOTNET_DiagnosticPorts";
    private const string AgentPatienceMilliseconds = "5000";
    private const string NoPatience = "0";

    private readonly ILaunchObserver _observer;
    private readonly string _agentPath;
    private readonly LaunchServer _server;
    private readonly TaskCompletionSource<int> _launchedPid = new();
    private readonly HashSet<int> _meant = [];

    private LaunchSession(ILaunchObserver observer, string agentPath)
    {
        _observer = observer;
        _agentPath = agentPath;
        _server = new LaunchServer(OnSuspended, OnResumed);
    }

    internal LaunchedProgram Program { get; private set; } = null!;

    /// <summary>Whether any runtime reported, meant or not.</summary>
    internal bool SawRuntimes => _server.Pids.Count > 0;

    /// <param name="command">The program and its arguments.</param>
    /// <param name="agentPath">Absolute path of the agent's library.</param>
    /// <param name="observer">Told of the runtimes to profile.</param>
    internal static LaunchSession Start(IReadOnlyList<string> command, string agentPath, ILaunchObserver observer)
    {
        LaunchedProgram.Resolve(command[0]);
        AgentVariables.For(agentPath, null);
        var session = new LaunchSession(observer, agentPath);
        try
        {
            session.Program = LaunchedProgram.Start(command, session.VariablesFor(command));
            session._launchedPid.SetResult(session.Program.Pid);
            return session;
        }
        catch
        {
            session._launchedPid.TrySetCanceled();
            session.Dispose();
            throw;
        }
    }

    private List<(string Name, string Value)> VariablesFor(IReadOnlyList<string> command)
    {
        string? inherited = Environment.GetEnvironmentVariable(DiagnosticPorts);
        string port = $"{_server.SocketPath},suspend";
        var variables = new List<(string, string)>
        {
            (DiagnosticPorts, string.IsNullOrEmpty(inherited) ? port : $"{port};{inherited}"),

            // The runtime looks for variables of its own once, before it can be told of more.
            (AgentVariables.RichDebugInfo, "1"),
        };
        if (EntryPoint.Of(LaunchedProgram.Resolve(command[0]), command).IsCommandLineTool)
        {
            // Build servers would outlive us with the address of a socket that is gone, and hang what they start.
            variables.Add(("MSBUILDDISABLENODEREUSE", "1"));
            variables.Add(("DOTNET_CLI_USE_MSBUILD_SERVER", "0"));
            variables.Add(("UseSharedCompilation", "false"));
        }

        return variables;
    }

    private void OnSuspended(int pid)
    {
        bool failed = false;
        bool meant = false;
        try
        {
            int launched = _launchedPid.Task.GetAwaiter().GetResult();
            meant = _observer.WantsMore && LaunchPolicy.IsMeant(pid, launched);
            if (meant && RuntimeKinds.Of(pid) == RuntimeKind.NativeAot)
            {
                _observer.OnSkipped($"{LaunchPolicy.Describe(pid)?.Name} ({pid}) was compiled ahead of time (NativeAOT) and has no profiling interface");
                meant = false;
            }

            if (!meant)
            {
                // It may have it from a profiled parent, and must not wait for a collector that will not come.
                if (ProcFs.InitialEnvironment(pid).ContainsKey(AgentVariables.Launch))
                    DiagnosticPort.SetVariable(pid, AgentVariables.Launch, NoPatience);
                return;
            }

            string? existing = ProcFs.InitialEnvironment(pid).GetValueOrDefault(AgentVariables.Profilers);
            foreach ((string name, string value) in AgentVariables.For(_agentPath, existing)) DiagnosticPort.SetVariable(pid, name, value);
            DiagnosticPort.SetVariable(pid, AgentVariables.Launch, AgentPatienceMilliseconds);
            lock (_meant) _meant.Add(pid);
            _observer.OnSuspended(new DiagnosticsClient(pid), pid);
        }
        catch (Exception error)
        {
            // Also what nobody foresaw: the runtime must be resumed whatever went wrong here.
            failed = true;
            if (meant) _observer.OnFailed(pid, error);
        }
        finally
        {
            if (failed) Abandon(pid);
        }
    }

    /// <summary>Nobody will come for the agent: it must not hold its process back.</summary>
    private void Abandon(int pid)
    {
        lock (_meant) _meant.Remove(pid);
        try
        {
            DiagnosticPort.SetVariable(pid, AgentVariables.Launch, NoPatience);
        }
        catch (Exception error) when (error is SocketException or IOException or InvalidDataException)
        {
            // It ended, or never had a port; at worst it starts some seconds late.
        }
    }

    private void OnResumed(int pid)
    {
        lock (_meant)
        {
            if (!_meant.Contains(pid)) return;
        }

        try
        {
            _observer.OnResumed(pid);
        }
        catch (Exception error)
        {
            _observer.OnFailed(pid, error);
        }
    }

    /// <summary>What still runs must not hand the address of our socket, soon gone, to its children.</summary>
    private void ReleaseSurvivors()
    {
        var releases = _server.Pids.Where(ProcFs.Exists).Select(pid => Task.Factory.StartNew(
            () =>
            {
                try
                {
                    DiagnosticPort.SetVariable(pid, DiagnosticPorts, Environment.GetEnvironmentVariable(DiagnosticPorts));
                }
                catch (Exception error) when (error is SocketException or IOException or InvalidDataException)
                {
                    // It ended meanwhile.
                }
            },
            TaskCreationOptions.LongRunning)).ToArray();
        Task.WaitAll(releases, DiagnosticPort.DefaultPatience);
    }

    public void Dispose()
    {
        ReleaseSurvivors();
        _server.Dispose();
        Program?.Dispose();
    }
}
