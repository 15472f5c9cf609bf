using System.Runtime.InteropServices;
using DotnetPprof.Model;

namespace DotnetPprof.Session;

/// <summary>Picks the process to profile, and says in one line why one cannot be.</summary>
internal static class TargetSelection
{
    /// <summary>Checks what can be known about a process before touching it.</summary>
    internal static void CheckCanBeProfiled(int pid)
    {
        if (pid == Environment.ProcessId) throw new UserError(ExitCode.Argument, "a profiler cannot profile itself; give another process id");
        if (!ProcFs.Exists(pid)) throw new UserError(ExitCode.Argument, $"no process has the id {pid}; `dotnet-pprof ps` lists those that can be profiled");
        if (ProcFs.Descriptors(pid) is null)
        {
            string what = ProcFs.Exists(pid) ? $"no permission to look into process {pid}: run as its user, or as root" : $"process {pid} ended";
            throw new UserError(ExitCode.SessionCreation, what);
        }

        if (ProcFs.IsStopped(pid))
            throw new UserError(ExitCode.SessionCreation, $"process {pid} is stopped and cannot answer; continue it first (kill -CONT {pid})");

        switch (RuntimeKinds.Of(pid))
        {
            case RuntimeKind.None or RuntimeKind.Unknown when DiagnosticPort.Find(pid) is null:
                throw new UserError(ExitCode.Argument, $"process {pid} is not a .NET process; `dotnet-pprof ps` lists those that can be profiled");
            case RuntimeKind.NativeAot:
                throw new UserError(ExitCode.Platform, $"process {pid} was compiled ahead of time (NativeAOT) and has no profiling interface");
        }

        if (TargetMachine.OtherThanX64(pid) is { } machine)
            throw new UserError(ExitCode.Platform, $"process {pid} runs {machine} code; only x64 is supported");
        var libc = TargetLibc.Of(pid);
        if (libc is { IsMusl: true })
            throw new UserError(ExitCode.Platform, $"process {pid} runs on musl libc (Alpine); the agent needs glibc {TargetLibc.Needed} or newer");
        if (libc is { IsGoodEnough: false })
            throw new UserError(ExitCode.Platform, $"process {pid} runs on glibc {libc.Version}; the agent needs {TargetLibc.Needed} or newer");
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            throw new UserError(ExitCode.Platform, $"only x64 is supported, this is {RuntimeInformation.ProcessArchitecture}");
    }

    /// <summary>The one process of that name.</summary>
    internal static int ByName(string name, IReadOnlyList<DotnetProcess> processes)
    {
        var matches = processes.Where(process => IsNamed(process, name)).ToList();
        if (matches.Count == 1) return matches[0].Pid;
        if (matches.Count > 1)
            throw new UserError(ExitCode.Argument, $"{matches.Count} processes are named '{name}', choose one with -p: {Names(matches)}");
        string there = processes.Count == 0 ? "there is none that this user can profile" : $"there are: {Names(processes)}";
        throw new UserError(ExitCode.Argument, $"no .NET process is named '{name}'; {there}");
    }

    /// <summary>By what it runs, or by the program's own file name as the system's tools show it.</summary>
    private static bool IsNamed(DotnetProcess process, string name) =>
        process.Name == name || process.Name + ".dll" == name
        || (process.CommandLine.Count > 0 && Path.GetFileName(process.CommandLine[0]) == name);

    private static string Names(IReadOnlyList<DotnetProcess> processes)
    {
        const int shown = 8;
        string names = string.Join(", ", processes.Take(shown).Select(process => $"{process.Pid} {process.Name}"));
        return processes.Count > shown ? $"{names} and {processes.Count - shown} more" : names;
    }
}
