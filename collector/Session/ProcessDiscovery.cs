using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>Finds the .NET processes that this user can profile.</summary>
internal sealed class ProcessDiscovery(IAgentProbe probe)
{
    /// <summary>Every .NET process but this one, by pid. Runtimes that do not answer in time are listed without a version.</summary>
    internal IReadOnlyList<DotnetProcess> List()
    {
        // Ports of all users lie in one folder; a process that may not be looked into cannot be profiled either. The port of
        // one that was killed stays, and its id may be a thread's by now.
        int[] pids = [.. DiagnosticsClient.GetPublishedProcesses().Where(pid => pid != Environment.ProcessId && ProcFs.IsProcess(pid) && ProcFs.Descriptors(pid) is not null).Distinct().Order()];
        // Asked at the same time, so that several hung ports cost the patience for one.
        var answers = Array.ConvertAll(pids, pid => Task.Factory.StartNew(() => DiagnosticPort.TryAskInfo(pid), TaskCreationOptions.LongRunning));
        Task.WaitAll(answers, DiagnosticPort.DefaultPatience * 2);

        var processes = new List<DotnetProcess>(pids.Length);
        for (int i = 0; i < pids.Length; i++)
        {
            var info = answers[i].IsCompletedSuccessfully ? answers[i].Result : null;
            if (Describe(pids[i], info) is { } process) processes.Add(process);
        }

        return processes;
    }

    private DotnetProcess? Describe(int pid, RuntimeInfo? info)
    {
        var commandLine = ProcFs.CommandLine(pid);
        if (commandLine.Count == 0) return null; // it ended meanwhile
        string name = EntryPoint.Of(ProcFs.Executable(pid) ?? commandLine[0], commandLine).Name;
        // The runtime appends its commit to the version.
        string? version = info?.Version.Split('+')[0];
        return new DotnetProcess(pid, name, version, probe.Probe(pid), commandLine);
    }
}
