using System.Globalization;
using System.Runtime.InteropServices;
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
        yield return KernelTick();
        yield return ClockSource();
        yield return InvariantTsc();
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
            "the timer engine is used, which needs no permission",
            "lower kernel.perf_event_paranoid, or give CAP_PERFMON; in docker also a seccomp profile that permits perf_event_open");
    }

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
        return value switch
        {
            "" => Finding.Limits(check, "unknown", "the cost of reading the time is not known"),
            "tsc" or "kvm-clock" or "hyperv_clocksource_tsc_page" => Finding.Fine(check, value),
            _ => Finding.Limits(check, value, "reading the time may take a system call; the agent prefers the TSC when it can be trusted"),
        };
    }

    private static Finding InvariantTsc()
    {
        const string check = "invariant TSC";
        string flags = CpuFlags();
        bool constant = flags.Contains(" constant_tsc ", StringComparison.Ordinal);
        bool nonstop = flags.Contains(" nonstop_tsc ", StringComparison.Ordinal);
        string value = $"constant_tsc {(constant ? "yes" : "no")}, nonstop_tsc {(nonstop ? "yes" : "no")}";
        return constant && nonstop ? Finding.Fine(check, value) : Finding.Limits(check, value, "samples are stamped by a slower clock");
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

    private static string CpuFlags()
    {
        try
        {
            foreach (string line in File.ReadLines("/proc/cpuinfo"))
            {
                if (line.StartsWith("flags", StringComparison.Ordinal)) return line + " ";
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Then the flags are taken for absent.
        }

        return "";
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
