using DotnetPprof.Agent;
using Xunit;

namespace DotnetPprof.Tests.Agent;

/// <summary>Bursts of 10 in periods of 100, by a clock that is turned by hand.</summary>
public class BurstScheduleTests
{
    private const long Length = 10;
    private const long Period = 100;

    [Fact]
    public void WithoutBurstsSamplingGoesOnForEver()
    {
        var schedule = new BurstSchedule(0, 0, 5, new Random(1));
        Assert.True(schedule.IsOpen);
        Assert.Equal(long.MaxValue, schedule.NextChange);
        Assert.False(schedule.Step(long.MaxValue - 1));
    }

    /// <summary>One in each period, as long as asked, and anywhere in it.</summary>
    [Fact]
    public void OneBurstInEachPeriodAnywhereInIt()
    {
        var schedule = new BurstSchedule(Length, Period, 0, new Random(1));
        var phases = new HashSet<long>();
        for (long period = 0; period < 2_000; period++)
        {
            long begin = schedule.NextChange;
            Assert.InRange(begin, period * Period, ((period + 1) * Period) - Length);
            phases.Add(begin % Period);
            Assert.False(schedule.Step(begin - 1));
            Assert.True(schedule.Step(begin) && schedule.IsOpen);
            Assert.Equal(begin + Length, schedule.NextChange);
            Assert.True(schedule.Step(begin + Length) && !schedule.IsOpen);
        }
        Assert.Equal(Period - Length + 1, phases.Count);
    }

    [Fact]
    public void BurstThatBeginsLateIsAsLongAndMissedOnesAreNotMadeUpFor()
    {
        var schedule = new BurstSchedule(Length, Period, 0, new Random(1));
        long late = (7 * Period) + 50;
        Assert.True(schedule.Step(late));
        Assert.Equal(late + Length, schedule.NextChange);
        Assert.True(schedule.Step(late + Length));
        Assert.InRange(schedule.NextChange, late + Length, 9 * Period);
        Assert.True(schedule.NextChange >= 7 * Period);
    }
}
