using System.Globalization;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>Which engine a session uses, and why.</summary>
/// <param name="Kind">Never <see cref="EngineKind.Auto"/>.</param>
/// <param name="WhyTimer">For people, where auto has come to timers: what speaks against the perf engine; else empty.</param>
/// <param name="SampleCostNs">Measured already for the perf engine; 0 for timers.</param>
/// <param name="Error">Why there is none; null when there is.</param>
internal readonly record struct EngineChoice(EngineKind Kind, string WhyTimer, ulong SampleCostNs, string? Error)
{
    private const int RefusedErrno = 1;      /* EPERM */
    private const int NoMemoryErrno = 12;    /* ENOMEM */
    private const int NoAccessErrno = 13;    /* EACCES */
    private const int InvalidErrno = 22;     /* EINVAL */
    private const int NoFilesErrno = 24;     /* EMFILE */
    private const int NoSystemCallErrno = 38;
    private const int NoSampleErrno = 62;    /* ETIME: perf_probe saw none */
    private const int DeadlyErrno = 131;     /* ENOTRECOVERABLE: sandbox.h */

    /* Each thread has an event for each CPU, and each new one inherits as many from its parent, inside the application's pthread_create. */
    private const int MostCpus = 64;
    private const long MostEvents = 8192;

    /// <summary>
    /// The kernel samples where it lets us see samples of ourselves: that costs the target least and sends it no signal.
    /// A clock that was asked for by name is worth more to whoever asks for it than the engine that auto would take. Nor does
    /// auto take it where threads and CPUs are so many that its events would cost the application more than signals do.
    /// </summary>
    /// <param name="request">Engine and clock.</param>
    /// <param name="probe">perf_probe: 0 or a negative errno, and what a sample costs.</param>
    /// <param name="size">The process's threads, and the machine's CPUs.</param>
    internal static EngineChoice Make(in SessionRequest request, Func<(long Error, ulong CostNs)> probe, Func<(int Threads, int Cpus)> size)
    {
        if (request.Engine == EngineKind.Timer)
            return Timer("");
        if (!StampsAsWanted(request.Clock))
        {
            return request.Engine == EngineKind.Perf
                ? Fail("the perf engine's samples are stamped by the kernel with CLOCK_MONOTONIC, and another clock was asked for")
                : Timer("the kernel would stamp samples with CLOCK_MONOTONIC, and another clock was asked for");
        }
        (long error, ulong cost) = probe();
        if (error == 0 && cost > 0)
            return request.Engine == EngineKind.Auto && TooMany(size()) is { } many ? Timer(many) : new EngineChoice(EngineKind.Perf, "", cost, null);
        return request.Engine == EngineKind.Perf ? Fail($"the perf engine does not work here: {Explain(error)}") : Timer(Explain(error));
    }

    /// <summary>Timers, after all: the perf engine was auto's choice and has failed to start.</summary>
    internal static EngineChoice Instead(string failure) => Timer(failure);

    internal static string Explain(long error) => -error switch
    {
        RefusedErrno or NoAccessErrno => $"perf_event_open is refused (perf_event_paranoid {Setting("perf_event_paranoid")}, or seccomp)",
        InvalidErrno => "the kernel cannot let threads alone inherit perf events (Linux 5.13)",
        NoSystemCallErrno => "the kernel has no perf events, or seccomp hides them",
        DeadlyErrno => "a seccomp filter may end the process for it (see SystemCallErrorNumber=)",
        NoFilesErrno => "there is no file descriptor left for perf events",
        NoMemoryErrno => "there is no memory for the kernel's rings",
        0 or NoSampleErrno => "perf events open, but no sample came",
        _ => string.Create(CultureInfo.InvariantCulture, $"perf_event_open gave errno {-error}"),
    };

    /// <summary>The same of an engine that was to start: by then the kernel has refused no event, but a ring.</summary>
    internal static string ExplainStart(long error) => -error switch
    {
        RefusedErrno => $"its rings are more than perf_event_mlock_kb ({Setting("perf_event_mlock_kb")}) and RLIMIT_MEMLOCK allow",
        _ => Explain(error),
    };

    /// <summary>One of /proc/sys/kernel.</summary>
    internal static string Setting(string name)
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

    private static string? TooMany((int Threads, int Cpus) size) =>
        size.Cpus > MostCpus ? string.Create(CultureInfo.InvariantCulture, $"each new thread would inherit {size.Cpus} perf events, one for each CPU")
        : (long)size.Threads * size.Cpus > MostEvents ? string.Create(CultureInfo.InvariantCulture, $"{size.Threads} threads on {size.Cpus} CPUs would take {(long)size.Threads * size.Cpus} perf events")
        : null;

    private static bool StampsAsWanted(ClockKind clock) => clock is ClockKind.Auto or ClockKind.Stopwatch;

    private static EngineChoice Timer(string why) => new(EngineKind.Timer, why, 0, null);

    private static EngineChoice Fail(string error) => new(default, "", 0, error);
}
