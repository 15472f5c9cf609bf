using System.Globalization;
using DotnetPprof.Agent.Clock;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// Sampling by signals from timers: the cost of a sample here, the plan that follows from it, and a rate that is lowered
/// when samples become dear or threads get nowhere. Slots and their timers are <see cref="SlotTable"/>'s.
/// </summary>
internal sealed unsafe class TimerEngine(SharedRegion region, SessionClock clock, SlotTable slots, ForkQuiet quiet)
{
    private const uint CalibrationShots = 32;
    private const uint RecalibrationShots = 8;
    private const long WatchIntervalNs = 250_000_000;
    private const long CalibrationIntervalNs = 10_000_000_000;
    private const int RateShift = 20; /* RATE_SHIFT in native/hot.h */

    /* A timer's interrupt may have to be passed on to the core that runs the thread. */
    private const ulong LateToleranceCosts = 4;

    private readonly Watchdog _watchdog = new(slots);
    private SessionRequest _request;
    private TimerPlan _plan;
    private bool _isBeside;
    private ulong _cost;
    private long _nextWatch;
    private long _nextCalibration;
    private uint _halvings;
    private uint _displaced;

    /// <summary>How the session's timers are set; default when it has none.</summary>
    internal TimerPlan Plan => _plan;

    /// <summary>What it is, for people.</summary>
    /// <param name="why">Why not the perf engine; may be empty.</param>
    internal static string Description(string why) => string.Create(
        CultureInfo.InvariantCulture,
        $"timer: {why}{(why.Length > 0 ? "; " : "")}per-thread CPU-clock timers, with monotonic shots above {KernelTick.Hertz} Hz");

    /// <summary>Forgets the last session: there are no timers until <see cref="Prepare"/>.</summary>
    internal void Begin(in SessionRequest request)
    {
        _request = request;
        _plan = default;
        _isBeside = false;
        _halvings = 0;
        _displaced = 0;
        long now = Libc.Now(Libc.ClockMonotonic);
        _nextWatch = now + WatchIntervalNs;
        _nextCalibration = now + CalibrationIntervalNs;
    }

    /// <summary>Installs the handler, measures what a sample costs by it, and plans. The session's clock is chosen.</summary>
    /// <param name="costNs">Of a sample.</param>
    /// <param name="limit">Why the plan is slower than asked.</param>
    /// <returns>Why timers do not work here, or null.</returns>
    internal string? Prepare(out ulong costNs, out RateLimit limit)
    {
        limit = RateLimit.None;
        costNs = 0;
        if (HotPath.Install(region.Header->SignalNumber) == 0)
            return "the runtime's activation signal was not found, and no other signal is safe to sample on";
        RawClock raw = clock.Clock;
        ulong startTicks;
        long startNs;
        uint forks;
        do
        {
            quiet.WaitUntilOver();
            forks = HotPath.QuietRaised();
            startTicks = raw.Read();
            startNs = Libc.Now(Libc.ClockMonotonic);
            _cost = costNs = HotPath.CalibrateSampleCost(CalibrationShots);
        }
        while (costNs == 0 && forks != HotPath.QuietRaised());
        ulong ticks = raw.Read() - startTicks;
        ulong nanoseconds = (ulong)(Libc.Now(Libc.ClockMonotonic) - startNs);
        if (costNs == 0 && quiet.IsRaised)
            return "a dump of the process is being written, and no signal may come meanwhile";
        if (costNs == 0 && HotPath.Installed() == 0)
            return "something in the process has put a signal handler in front of the agent's and keeps the agent's signals; --engine perf needs none";
        if (costNs == 0)
            return "a timer signal to the agent's own thread did not arrive, so no rate is known to be safe (timers may be refused or RLIMIT_SIGPENDING used up)";
        SetRates(ticks, nanoseconds, costNs);
        region.Control->ClockHz = (ulong)((UInt128)ticks * 1_000_000_000 / nanoseconds);
        _plan = TimerPlan.For(_request.RateHz, costNs, _request.MaxOverheadPpm, KernelTick.Nanoseconds, out limit);
        _watchdog.Begin(costNs);
        return null;
    }

    /// <summary>Timers for threads that the kernel has no room for, in a session of the perf engine's; null when they do not work here.</summary>
    internal TimerPlan? PrepareBeside()
    {
        _isBeside = true;
        return Prepare(out _, out _) is null ? _plan : null;
    }

    internal void Tend(long now)
    {
        if (_plan.TickPeriodNs == 0)
            return;
        if (now >= _nextWatch)
        {
            _nextWatch = now + WatchIntervalNs;
            if (HotPath.Installed() == 0)
                _displaced++;
            if (_watchdog.ThreadIsStarved())
                HalveRate();
        }
        if (now >= _nextCalibration)
        {
            _nextCalibration = now + CalibrationIntervalNs;
            KeepCostCurrent();
        }
    }

    internal void Publish(ulong* counters)
    {
        counters[(int)Counter.Halvings] = _halvings;
        counters[(int)Counter.Displaced] = _displaced;
    }

    /// <summary>Tells the handler how ticks and nanoseconds relate; the calibration has just taken some milliseconds.</summary>
    private static void SetRates(ulong ticks, ulong nanoseconds, ulong cost)
    {
        if (ticks != 0)
            HotPath.SetRates((ticks << RateShift) / nanoseconds, (nanoseconds << RateShift) / ticks, LateToleranceCosts * cost);
    }

    private void HalveRate()
    {
        if (_plan.ShotPeriodNs == 0 || _plan.ShotPeriodNs >= KernelTick.Nanoseconds)
            return;
        Slow(_plan.ShotPeriodNs * 2, RateLimit.Watchdog);
        _halvings++;
    }

    /// <summary>
    /// Machines change under a process (a neighbour, a migration, a frequency): the cost is measured again, and a rate
    /// that has become too dear is lowered. It is not raised again, so that one capture has few rates.
    /// </summary>
    private void KeepCostCurrent()
    {
        uint forks = HotPath.QuietRaised();
        ulong cost = HotPath.CalibrateSampleCost(RecalibrationShots);
        if (cost == 0 && forks != HotPath.QuietRaised())
            return; /* a fork has stopped the timer */
        if (cost == 0)
        {
            /* Our signals do not arrive any more. Waiting for them takes a second of CPU time: once is enough. */
            _nextCalibration = long.MaxValue;
            return;
        }
        if (!_isBeside)
            region.Control->SampleCostNs = cost;
        _watchdog.Cost = cost;
        if (cost <= _cost + _cost / 4 || _plan.ShotPeriodNs == 0)
            return;
        _cost = cost;
        TimerPlan plan = TimerPlan.For(_request.RateHz, cost, _request.MaxOverheadPpm, KernelTick.Nanoseconds, out RateLimit limit);
        ulong period = plan.PeriodNs(KernelTick.Nanoseconds);
        if (period > _plan.ShotPeriodNs)
            Slow(period, limit);
    }

    private void Slow(ulong period, RateLimit why)
    {
        _plan = _plan.WithShots(period, KernelTick.Nanoseconds);
        slots.ChangePlan(_plan);
        if (_isBeside)
            return; /* the session's rate is the perf engine's */
        region.Control->PeriodNs = _plan.ShotPeriodNs;
        region.Control->LimitedBy = (uint)why;
    }
}
