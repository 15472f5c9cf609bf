using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using DotnetPprof.Interop;
using DotnetPprof.Session;

namespace DotnetPprof.Doctor;

/// <summary>What this machine and this user allow.</summary>
internal static class MachineChecks
{
    internal static IEnumerable<Finding> Run(string agentPath)
    {
        yield return Platform();
        yield return Agent(agentPath);
        yield return Libc();
        yield return Paranoid();
        yield return PerfEvents();
        yield return Engine();
        yield return KernelTick();
        yield return ClockSource();
        yield return InvariantTsc();
        yield return Vdso();
        yield return PtraceScope();
        yield return Limit("RLIMIT_SIGPENDING", MachineInterop.RlimitSigPending, 4096, "the limit is the user's, over all processes; every sampled thread takes two timers out of it", "raise it: ulimit -i, LimitSIGPENDING= in systemd, --ulimit sigpending= in docker");
        yield return Limit("RLIMIT_NOFILE", MachineInterop.RlimitNoFile, 1024, "the perf engine takes descriptors for every thread and CPU", "raise it: ulimit -n, LimitNOFILE= in systemd");
        yield return Limit("RLIMIT_MEMLOCK", MachineInterop.RlimitMemLock, 8 << 20, "the perf engine's rings count against it", "raise it: ulimit -l, LimitMEMLOCK= in systemd");
    }

    private static Finding Platform()
    {
        string value = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}".ToLowerInvariant();
        return RuntimeInformation.ProcessArchitecture == Architecture.X64
            ? Finding.Fine("platform", value)
            : Finding.Problem("platform", value, "the agent is built for x64 only");
    }

    private static Finding Agent(string path) => File.Exists(path)
        ? Finding.Fine("agent library", path)
        : Finding.Problem("agent library", "missing", $"there is no '{path}'", "build or install dotnet-pprof again");

    private static Finding Libc() => TargetChecks.Libc("libc", TargetLibc.Of(Environment.ProcessId));

    private static Finding Paranoid()
    {
        const string check = "perf_event_paranoid";
        string value = ReadLine("/proc/sys/kernel/perf_event_paranoid");
        if (!int.TryParse(value, CultureInfo.InvariantCulture, out int level))
            return Finding.Limits(check, "absent", "this kernel has no perf events; the timer engine needs none");
        if (level <= 1 || ProcessInterop.EffectiveUserId() == 0) return Finding.Fine(check, value);
        return Finding.Limits(check, value, level == 2 ? "perf events see user code only" : "perf events are closed to this user", "sysctl kernel.perf_event_paranoid=1, or CAP_PERFMON");
    }

    private static Finding PerfEvents()
    {
        const string check = "perf_event_open";
        int error = MachineInterop.TryPerfEvent(excludeKernel: false);
        if (error == 0) return Finding.Fine(check, "permitted", "kernel time included");
        error = MachineInterop.TryPerfEvent(excludeKernel: true);
        if (error == 0) return Finding.Fine(check, "permitted for user code", "kernel time shows as [kernel, not permitted] under the perf engine");
        return Finding.Limits(
            check,
            Marshal.GetPInvokeErrorMessage(error),
            "the perf engine cannot be used",
            "lower kernel.perf_event_paranoid, or give CAP_PERFMON; in docker also a seccomp profile that permits perf_event_open");
    }

    /// <summary>The agent decides by what its own process may do: as this user, and outside of sandboxes, it will be this.</summary>
    private static Finding Engine() => MachineInterop.TryPerfEvent(excludeKernel: true) == 0
        ? Finding.Fine("engine", "perf", "what auto takes: the kernel samples, and no signal reaches the process")
        : Finding.Fine("engine", "timer", "what auto takes, because perf_event_open is refused: signals from timers, which need no permission");

    private static Finding KernelTick()
    {
        const string check = "kernel tick";
        if (MachineInterop.KernelTickNanos() is not { } nanos || nanos <= 0) return Finding.Limits(check, "unknown", "the rate up to which CPU-clock timers suffice is not known");
        return Finding.Fine(check, string.Create(CultureInfo.InvariantCulture, $"{1e9 / nanos:0} Hz"), "up to this rate samples cost no extra interrupts");
    }

    private static Finding ClockSource()
    {
        const string check = "clock source";
        string value = ReadLine("/sys/devices/system/clocksource/clocksource0/current_clocksource");
        if (value == "tsc") return Finding.Fine(check, value, "the clock tsc may be used where the invariant TSC below is there too");
        return Finding.Limits(check, value.Length == 0 ? "unknown" : value, "the clock tsc is not used: samples are stamped through clock_gettime");
    }

    /// <summary>What the agent asks the processor too; its other probes are its own, and stand in a loaded agent's process.</summary>
    private static Finding InvariantTsc()
    {
        const string check = "invariant TSC";
        const uint leaf = 0x8000_0007;
        const int bit = 1 << 8;
        bool invariant = X86Base.IsSupported
            && (uint)X86Base.CpuId(unchecked((int)0x8000_0000), 0).Eax >= leaf
            && (X86Base.CpuId(unchecked((int)leaf), 0).Edx & bit) != 0;
        return invariant
            ? Finding.Fine(check, "yes")
            : Finding.Limits(check, "no", "the clock tsc is not used: samples are stamped through clock_gettime");
    }

    private static Finding Vdso()
    {
        const string check = "vDSO";
        bool mapped;
        try
        {
            mapped = File.ReadLines("/proc/self/maps").Any(line => line.EndsWith("[vdso]", StringComparison.Ordinal));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Finding.Limits(check, "unknown", "reading the time may take a system call");
        }

        return mapped ? Finding.Fine(check, "mapped") : Finding.Limits(check, "none", "the clock vdso cannot be used, and reading the time takes a system call");
    }

    private static Finding PtraceScope()
    {
        const string check = "ptrace_scope";
        string value = ReadLine("/proc/sys/kernel/yama/ptrace_scope");
        // Reading /proc/PID/fd takes the READ right, which yama leaves alone.
        return Finding.Fine(check, value.Length == 0 ? "no yama" : value, "processes of the same user and group can be profiled");
    }

    private static Finding Limit(string check, int resource, ulong enough, string meaning, string mend)
    {
        if (MachineInterop.SoftLimit(resource) is not { } limit) return Finding.Limits(check, "unknown", meaning);
        string value = limit == MachineInterop.Unlimited ? "unlimited" : limit.ToString(CultureInfo.InvariantCulture);
        return limit >= enough ? Finding.Fine(check, value) : Finding.Limits(check, value, meaning, mend);
    }

    private static string ReadLine(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
