using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>How the kernel is asked to sample.</summary>
/// <param name="PeriodNs">CPU time between two samples of a thread.</param>
/// <param name="Limit">What made it longer than asked.</param>
internal readonly record struct PerfPlan(ulong PeriodNs, RateLimit Limit)
{
    /// <summary>The kernel arms its timer no earlier than this.</summary>
    private const ulong ShortestPeriodNs = 10_000;

    private const ulong Million = 1_000_000;

    /// <summary>As asked, but no shorter than the budget allows or twice a sample's cost, and leaving the kernel no cause to throttle.</summary>
    /// <param name="request">The rate and the budget.</param>
    /// <param name="costNs">Of one sample, as calibrated.</param>
    /// <param name="kernelsHz">perf_event_max_sample_rate; 0 where there is none.</param>
    internal static PerfPlan For(in SessionRequest request, ulong costNs, ulong kernelsHz)
    {
        var plan = new PerfPlan(1_000_000_000 / Math.Max(request.RateHz, 1), RateLimit.None);
        /* A tenth below the kernel's limit: samples are counted by kernel ticks, and come unevenly. */
        plan = plan.AtLeast(Math.Max(ShortestPeriodNs, kernelsHz == 0 ? 0 : 1_100_000_000 / kernelsHz), RateLimit.Kernel);
        plan = plan.AtLeast(2 * costNs, RateLimit.Cost);
        return request.MaxOverheadPpm == 0 ? plan : plan.AtLeast(costNs * Million / request.MaxOverheadPpm, RateLimit.Budget);
    }

    private PerfPlan AtLeast(ulong periodNs, RateLimit limit) => PeriodNs < periodNs ? new PerfPlan(periodNs, limit) : this;
}
