using System.Globalization;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>Which engine a session uses, and why.</summary>
/// <param name="Kind">Never <see cref="EngineKind.Auto"/>.</param>
/// <param name="Reason">For people.</param>
/// <param name="SampleCostNs">Measured already for the perf engine; 0 for timers.</param>
/// <param name="Error">Why there is none; null when there is.</param>
internal readonly record struct EngineChoice(EngineKind Kind, string Reason, ulong SampleCostNs, string? Error)
{
    private const int RefusedErrno = 1;      /* EPERM */
    private const int NoAccessErrno = 13;    /* EACCES */
    private const int InvalidErrno = 22;     /* EINVAL */
    private const int NoSystemCallErrno = 38;
    private const int NoSampleErrno = 62;    /* ETIME: perf_probe saw none */

    /// <summary>The kernel arms its timer no earlier than this.</summary>
    private const ulong ShortestPeriodNs = 10_000;

    private static string TimerText => string.Create(
        CultureInfo.InvariantCulture,
        $"timer: per-thread CPU-clock timers, and monotonic shots between two ticks above {KernelTick.Hertz} Hz");

    /// <summary>
    /// Timers, unless the perf engine was asked for by name: auto stays with them until the tests that try to hurt a
    /// target have been through the perf engine too.
    /// </summary>
    internal static EngineChoice Make(EngineKind wanted, ClockKind wantedClock, uint shots)
    {
        if (wanted != EngineKind.Perf)
            return new EngineChoice(EngineKind.Timer, TimerText, 0, null);
        if (wantedClock is not (ClockKind.Auto or ClockKind.Stopwatch))
        {
            const string clocks = "the perf engine's samples are stamped by the kernel, and another clock was asked for";
            return new EngineChoice(EngineKind.Perf, "", 0, clocks);
        }
        long error = HotPath.PerfProbe(shots, out ulong cost);
        if (error == 0 && cost > 0)
            return new EngineChoice(EngineKind.Perf, "perf", cost, null);
        return new EngineChoice(EngineKind.Perf, "", 0, $"the perf engine does not work here: {Explain(error)}");
    }

    /// <summary>As asked, but no shorter than the budget allows or twice a sample's cost, and leaving the kernel no cause to throttle.</summary>
    internal static ulong PerfPeriod(uint rateHz, ulong cost, uint maxOverheadPpm, out RateLimit limit)
    {
        ulong period = 1_000_000_000 / Math.Max(rateHz, 1);
        limit = RateLimit.None;
        ulong kernels = Math.Max(ShortestPeriodNs, ShortestOfKernel());
        if (period < kernels)
            (period, limit) = (kernels, RateLimit.Kernel);
        if (period < 2 * cost)
            (period, limit) = (2 * cost, RateLimit.Cost);
        if (maxOverheadPpm != 0 && period < cost * 1_000_000 / maxOverheadPpm)
            (period, limit) = (cost * 1_000_000 / maxOverheadPpm, RateLimit.Budget);
        return period;
    }

    /// <summary>Half of the file descriptors that are left: the other half stays the application's.</summary>
    internal static ulong Descriptors()
    {
        try
        {
            if (Libc.GetLimit(Libc.LimitFiles, out Libc.Limit limit) != 0)
                return 0;
            var used = (ulong)Directory.GetFileSystemEntries("/proc/self/fd").Length;
            return limit.Current > used ? (limit.Current - used) / 2 : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    internal EngineChoice Started(PerfStatus status) => this with
    {
        Reason = string.Create(
            CultureInfo.InvariantCulture,
            $"perf: the kernel's task-clock events, {status.StackBytes} bytes of stack a sample, {status.RingBytes >> 10} KiB of ring a CPU; kernel time {(status.KernelExcluded != 0 ? "not permitted" : "included")}"),
    };

    internal EngineChoice Refused(long error) => this with { Error = $"the perf engine could not start: {Explain(error)}" };

    private static string Explain(long error) => -error switch
    {
        RefusedErrno or NoAccessErrno => $"perf_event_open is refused (perf_event_paranoid {Setting("perf_event_paranoid")}, or seccomp)",
        InvalidErrno => "the kernel does not know threads-only inheritance (Linux 5.13)",
        NoSystemCallErrno => "the kernel has no perf events",
        0 or NoSampleErrno => "no sample came",
        _ => string.Create(CultureInfo.InvariantCulture, $"perf_event_open gave errno {-error}"),
    };

    /// <summary>A tenth below perf_event_max_sample_rate: samples are counted by kernel ticks, and come unevenly.</summary>
    private static ulong ShortestOfKernel() =>
        ulong.TryParse(Setting("perf_event_max_sample_rate"), CultureInfo.InvariantCulture, out ulong rate) && rate > 0 ? 1_100_000_000 / rate : 0;

    private static string Setting(string name)
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/" + name).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "absent";
        }
    }
}
