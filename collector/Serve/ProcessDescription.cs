using DotnetPprof.Session;

namespace DotnetPprof.Serve;

/// <summary>Tells what a process is, from what /proc and its runtime say.</summary>
internal static class ProcessDescription
{
    /// <summary>Null when it is gone.</summary>
    public static ServedProcess? Of(int pid, ulong startTime)
    {
        IReadOnlyList<string> commandLine = ProcFs.CommandLine(pid);
        if (commandLine.Count == 0)
            return null;
        string name = EntryPoint.Of(ProcFs.Executable(pid) ?? commandLine[0], commandLine).Name;
        ResourceLabels labels = ResourceLabels.Of(ProcFs.InitialEnvironment(pid));
        return ProcFs.StartTime(pid) != startTime
            ? null
            : new ServedProcess(
                pid,
                startTime,
                name,
                labels.Service.Length > 0 ? labels.Service : name,
                labels.Version,
                labels.Environment,
                labels.Host.Length > 0 ? labels.Host : Environment.MachineName,
                Runtime: "",
                commandLine);
    }
}
