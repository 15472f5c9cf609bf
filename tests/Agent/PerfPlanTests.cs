using DotnetPprof.Agent;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Agent;

/// <summary>The kernel's period against what a sample costs, the budget, and the kernel's own limit.</summary>
public sealed class PerfPlanTests
{
    [Theory]
    [InlineData(250, 12_000, 0, 100_000, 4_000_000, RateLimit.None)]
    [InlineData(10_000, 12_000, 0, 100_000, 100_000, RateLimit.None)]
    [InlineData(50_000, 12_000, 0, 100_000, 24_000, RateLimit.Cost)]
    [InlineData(1_000_000, 1_000, 0, 100_000, 11_000, RateLimit.Kernel)]
    [InlineData(1_000_000, 1_000, 0, 0, 10_000, RateLimit.Kernel)]
    [InlineData(10_000, 1_000, 0, 1_000, 1_100_000, RateLimit.Kernel)]
    [InlineData(10_000, 12_000, 20_000, 100_000, 600_000, RateLimit.Budget)]
    [InlineData(1_000, 12_000, 20_000, 100_000, 1_000_000, RateLimit.None)]
    public void PeriodIsAsAskedOrSaysWhyNot(uint rate, ulong cost, uint ppm, ulong kernelsHz, ulong period, RateLimit limit) =>
        Assert.Equal(new PerfPlan(period, limit), PerfPlan.For(new SessionRequest(rate, ppm, 128, 0, 0, EngineKind.Perf, ClockKind.Auto), cost, kernelsHz));
}
