using System.Globalization;
using DotnetPprof.Interop;
using DotnetPprof.Session;

namespace DotnetPprof.Doctor;

/// <summary>Whether one process can be profiled, and what stands in the way.</summary>
internal static class TargetChecks
{
    private static readonly string[] s_switches = ["EnableDiagnostics", "EnableDiagnostics_IPC", "EnableDiagnostics_Profiler"];

    internal static IEnumerable<Finding> Run(int pid, IAgentProbe probe, string agentPath)
    {
        if (!ProcFs.Exists(pid))
        {
            yield return Finding.Problem("process", $"{pid}", "no process has this id", "dotnet-pprof ps lists those that can be profiled");
            yield break;
        }

        string name = LaunchPolicy.Describe(pid)?.Name ?? "?";
        yield return Finding.Fine("process", $"{pid} {name}");
        var access = Access(pid);
        yield return access;
        if (access.Level == FindingLevel.Problem) yield break;

        yield return Kind(pid);
        yield return Port(pid);
        yield return Switches(pid);
        yield return Libc("process libc", TargetLibc.Of(pid));
        yield return AgentState(pid, probe);
        if (probe.LastSession(pid) is { } last)
        {
            yield return Finding.Fine("process engine", last.Engine, "of the last capture");
            if (last.Displaced)
                yield return Finding.Limits("signal handler", "another one is in front of the agent's", "in the last capture; if it does not pass signals on, samples are missing", "--engine perf needs no signals");
            yield return Finding.Fine("clock", last.Clock.Reason, string.Join("; ", last.Clock.Others.Prepend("of the last capture")));
        }
        if (Container(pid, agentPath) is { } container) yield return container;
    }

    private static Finding Access(int pid)
    {
        uint own = ProcessInterop.EffectiveUserId();
        string owner = ProcFs.EffectiveUserId(pid) is { } id ? id.ToString(CultureInfo.InvariantCulture) : "?";
        string value = $"owned by uid {owner}, we are {own}";
        return ProcFs.Descriptors(pid) is not null
            ? Finding.Fine("access", value)
            : Finding.Problem("access", value, "this user may not look into the process", "run as its user and group, or as root; a non-dumpable process needs CAP_SYS_PTRACE");
    }

    private static Finding Kind(int pid)
    {
        const string check = "runtime";
        return RuntimeKinds.Of(pid) switch
        {
            RuntimeKind.CoreClr => Finding.Fine(check, "CoreCLR"),
            RuntimeKind.SingleFile => Finding.Fine(check, "CoreCLR in a single file"),
            RuntimeKind.NativeAot => Finding.Problem(check, "NativeAOT", "programs compiled ahead of time have no profiling interface"),
            RuntimeKind.None when DiagnosticPort.Find(pid) is null => Finding.Problem(check, "none", "this is not a .NET process"),
            _ => Finding.Limits(check, "unknown", "the flavour of the runtime could not be told"),
        };
    }

    private static Finding Port(int pid)
    {
        const string check = "diagnostic port";
        if (DiagnosticPort.Find(pid) is null)
            return Finding.Problem(check, "none", "the agent can only be attached through it", "unset DOTNET_EnableDiagnostics=0 and DOTNET_EnableDiagnostics_IPC=0, use the process's TMPDIR, or start it with the variables of dotnet-pprof env");
        return DiagnosticPort.TryAskInfo(pid) is { } info
            ? Finding.Fine(check, $"answers, runtime {info.Version.Split('+')[0]}, {info.Architecture}")
            : Finding.Problem(check, "does not answer", "the process is stopped, or too busy", "see whether it is stopped (ps -o stat) or paused by a debugger");
    }

    private static Finding Switches(int pid)
    {
        const string check = "DOTNET_EnableDiagnostics";
        var environment = ProcFs.InitialEnvironment(pid);
        var off = s_switches.SelectMany(name => new[] { "DOTNET_" + name, "COMPlus_" + name })
            .Where(name => environment.TryGetValue(name, out string? value) && value.Trim() == "0")
            .ToList();
        return off.Count == 0
            ? Finding.Fine(check, "not switched off")
            : Finding.Problem(check, string.Join(", ", off.Select(name => name + "=0")), "the runtime refuses diagnostics or profilers", "start the process without it");
    }

    internal static Finding Libc(string check, TargetLibc? libc)
    {
        string mend = $"the agent needs glibc {TargetLibc.Needed} or newer (Debian 12, Ubuntu 22.04, RHEL 9)";
        if (libc is null) return Finding.Limits(check, "unknown", mend);
        if (libc.IsMusl) return Finding.Problem(check, "musl", "the agent does not load into musl programs", mend);
        string value = $"glibc {libc.Version?.ToString() ?? "of unknown version"}";
        return libc.IsGoodEnough ? Finding.Fine(check, value) : Finding.Problem(check, value, "the agent does not load there", mend);
    }

    private static Finding AgentState(int pid, IAgentProbe probe)
    {
        const string check = "agent";
        return probe.Probe(pid) switch
        {
            AgentPresence.Absent => Finding.Fine(check, "not loaded", "collect loads it"),
            AgentPresence.Asleep => Finding.Fine(check, "loaded, samples nothing"),
            AgentPresence.Sampling => Finding.Limits(check, "sampling", "another collector is at work; it must end first"),
            AgentPresence.OtherVersion => Finding.Problem(check, "loaded, of another version", "it speaks another version's language", "use the dotnet-pprof it came from, or restart the process"),
            _ => Finding.Limits(check, "unknown", "the agent's region could not be read"),
        };
    }

    private static Finding? Container(int pid, string agentPath)
    {
        if (ProcFs.LinkTarget($"/proc/{pid}/ns/mnt") is not { } theirs || theirs == ProcFs.LinkTarget("/proc/self/ns/mnt")) return null;
        return File.Exists($"/proc/{pid}/root{agentPath}")
            ? Finding.Fine("container", "another mount namespace", "the agent's library is there too")
            : Finding.Fine("container", "another mount namespace", "collect copies the agent's library into it");
    }
}
