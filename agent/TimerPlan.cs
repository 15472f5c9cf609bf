using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>How a session's timers are set.</summary>
/// <param name="TickPeriodNs">CPU time between two expiries of a thread's CPU-clock timer.</param>
/// <param name="ShotPeriodNs">Between two shots of the leased timer; 0 when ticks are all there is.</param>
/// <param name="ShotsPerTick">The most shots one tick leases.</param>
internal readonly record struct TimerPlan(ulong TickPeriodNs, ulong ShotPeriodNs, uint ShotsPerTick)
{
    /* Every tick that finds the thread running is to find its timer expired. CPU-clock timers are looked at on ticks only,
       so a short period costs nothing; one as long as the tick would miss ticks, because a thread that shares its core
       uses less than a tick of CPU time between two of them. */
    private const ulong EveryTickDivisor = 16;

    /* A tick that settles CPU time and renews a lease: a signal, but no interrupt of its own. Three fifths of a shot. */
    private const ulong TickCostNumerator = 3;
    private const ulong TickCostDenominator = 5;

    private const ulong Million = 1_000_000;

    /// <summary>Nanoseconds of CPU time between two samples of a busy thread.</summary>
    internal ulong PeriodNs(ulong tickNs) => ShotPeriodNs != 0 ? ShotPeriodNs : Math.Max(TickPeriodNs, tickNs);

    /// <summary>The plan that comes closest to a rate and stays within what a sample may cost.</summary>
    /// <param name="rateHz">As asked for.</param>
    /// <param name="costNs">Of one sample, as calibrated. No period is shorter than twice that.</param>
    /// <param name="maxOverheadPpm">Of a thread's CPU time that sampling may take, in millionths; 0 for no limit.</param>
    /// <param name="tickNs">The kernel's tick.</param>
    /// <param name="limit">What made the period longer than asked.</param>
    internal static TimerPlan For(uint rateHz, ulong costNs, uint maxOverheadPpm, ulong tickNs, out RateLimit limit)
    {
        ulong asked = 1_000_000_000 / Math.Max(rateHz, 1);
        ulong period = asked;
        limit = RateLimit.None;
        ulong budgeted = maxOverheadPpm == 0 ? 0 : Budgeted(costNs, maxOverheadPpm, tickNs, asked < tickNs);
        if (period < budgeted)
        {
            period = budgeted;
            limit = RateLimit.Budget;
        }
        if (period < 2 * costNs && asked < tickNs)
        {
            period = 2 * costNs;
            limit = RateLimit.Cost;
        }
        if (period > tickNs)
            return new TimerPlan(period, 0, 0);
        return period == tickNs
            ? new TimerPlan(tickNs / EveryTickDivisor, 0, 0)
            : Shots(period, tickNs);
    }

    /// <summary>The same ticks with shots at another period, at most one tick.</summary>
    internal TimerPlan WithShots(ulong periodNs, ulong tickNs) => Shots(Math.Min(periodNs, tickNs), tickNs);

    private static TimerPlan Shots(ulong period, ulong tick) =>
        new(tick / EveryTickDivisor, period, (uint)((tick + period - 1) / period));

    /// <summary>The shortest period whose samples stay within the budget, beside the ticks that go with shots.</summary>
    private static ulong Budgeted(ulong cost, ulong ppm, ulong tick, bool withShots)
    {
        ulong withoutTicks = cost * Million / ppm;
        if (!withShots)
            return withoutTicks;
        ulong ticksPpm = cost * TickCostNumerator * Million / (TickCostDenominator * tick);
        /* Where ticks with shots would use most of the budget, ticks alone give more samples for it. */
        return ticksPpm * 2 >= ppm ? Math.Max(withoutTicks, tick) : Math.Min(cost * Million / (ppm - ticksPpm), Math.Max(withoutTicks, tick));
    }
}
