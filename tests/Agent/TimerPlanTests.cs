using DotnetPprof.Agent;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Agent;

/// <summary>Rates against what a sample costs: a tick of 4 ms, as at HZ = 250.</summary>
public class TimerPlanTests
{
    private const ulong Tick = 4_000_000;

    [Theory]
    [InlineData(100, 10_000_000, 0, 0)] /* CPU-clock timers alone */
    [InlineData(250, 250_000, 0, 0)] /* every tick */
    [InlineData(1_000, 250_000, 1_000_000, 4)]
    [InlineData(300, 250_000, 3_333_333, 2)]
    [InlineData(20_000, 250_000, 50_000, 80)]
    public void RatesAreMetWhereSamplesAreCheap(uint rate, ulong tickPeriod, ulong shotPeriod, uint shots)
    {
        var plan = TimerPlan.For(rate, costNs: 2_000, maxOverheadPpm: 0, Tick, out RateLimit limit);
        Assert.Equal(new TimerPlan(tickPeriod, shotPeriod, shots), plan);
        Assert.Equal(RateLimit.None, limit);
    }

    [Fact]
    public void NoPeriodIsShorterThanTwiceTheCost()
    {
        var plan = TimerPlan.For(1_000_000, costNs: 20_000, maxOverheadPpm: 0, Tick, out RateLimit limit);
        Assert.Equal(40_000UL, plan.ShotPeriodNs);
        Assert.Equal(RateLimit.Cost, limit);
    }

    [Fact]
    public void SamplesThatCostMoreThanATickAreTakenOnTicks()
    {
        var plan = TimerPlan.For(1_000, costNs: 3_000_000, maxOverheadPpm: 0, Tick, out RateLimit limit);
        Assert.Equal(0UL, plan.ShotPeriodNs);
        Assert.Equal(RateLimit.Cost, limit);
    }

    [Theory]
    [InlineData(1_000_000, 20_000, 10_000)]
    [InlineData(1_000_000, 20_000, 20_000)]
    [InlineData(10_000, 20_000, 10_000)]
    [InlineData(1_000_000, 2_000, 20_000)]
    [InlineData(1_000_000, 20_000, 1_000)]
    [InlineData(250, 20_000, 1_000)]
    public void TheBudgetHolds(uint rate, ulong cost, uint ppm)
    {
        var plan = TimerPlan.For(rate, cost, ppm, Tick, out RateLimit limit);
        Assert.Equal(RateLimit.Budget, limit);
        double ticks = plan.ShotPeriodNs != 0 ? 0.6 * cost / Tick : 0;
        Assert.InRange(ticks + cost / (double)plan.PeriodNs(Tick), 0, ppm * 1.001 / 1e6);
    }

    [Fact]
    public void ABudgetThatIsNotNeededChangesNothing()
    {
        Assert.Equal(
            TimerPlan.For(250, costNs: 20_000, maxOverheadPpm: 0, Tick, out _),
            TimerPlan.For(250, costNs: 20_000, maxOverheadPpm: 20_000, Tick, out RateLimit limit));
        Assert.Equal(RateLimit.None, limit);
    }
}
