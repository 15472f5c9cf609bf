using DotnetPprof.Clock;
using DotnetPprof.Model;
using Xunit;

namespace DotnetPprof.Tests.Clock;

public class TickMapTests
{
    [Fact]
    public void OneAnchorMapsAtTheNominalRate()
    {
        var map = new TickMap(2_000_000_000);
        Assert.True(map.IsEmpty);
        map.Add(Anchor(1_000, 1_040, realtime: 5_000_000, monotonic: 700));
        Assert.Equal(new MonotonicNanos(700), map.ToMonotonic(new Ticks(1_020)));
        Assert.Equal(new MonotonicNanos(1_700), map.ToMonotonic(new Ticks(3_020)));
        Assert.Equal(new UnixNanos(5_001_000), map.ToUnix(new Ticks(3_020)));
        Assert.Equal(new MonotonicNanos(200), map.ToMonotonic(new Ticks(20)));
    }

    [Fact]
    public void BetweenTwoAnchorsTheLineIsStraight()
    {
        var map = new TickMap(1_000_000_000);
        map.Add(Anchor(0, 0, realtime: 1_000, monotonic: 1_000));
        map.Add(Anchor(3_000_000_000, 3_000_000_000, realtime: 1_000_001_000, monotonic: 1_000_001_000));
        Assert.Equal(new MonotonicNanos(1_000), map.ToMonotonic(new Ticks(2)));
        Assert.Equal(new MonotonicNanos(1_001), map.ToMonotonic(new Ticks(3)));
        Assert.Equal(new MonotonicNanos(500_001_000), map.ToMonotonic(new Ticks(1_500_000_000)));
        Assert.Equal(new UnixNanos(1_000_001_000), map.ToUnix(new Ticks(3_000_000_000)));
        // Beyond it goes on.
        Assert.Equal(new UnixNanos(2_000_001_000), map.ToUnix(new Ticks(6_000_000_000)));
    }

    [Fact]
    public void TwoAnchorsAtOneTickAreOne()
    {
        var map = new TickMap(1_000_000_000);
        map.Add(Anchor(100, 120, 1_000, 1_000));
        map.Add(Anchor(100, 120, 1_003, 1_003));
        map.Add(Anchor(110, 130, 1_009, 1_009));
        Assert.Empty(map.Segments);
        Assert.Empty(map.Notes);
        Assert.Equal(new MonotonicNanos(1_000), map.ToMonotonic(new Ticks(110)));
    }

    [Fact]
    public void LooseFirstAnchorGivesWayToABetterOne()
    {
        var map = new TickMap(1_000_000_000);
        map.Add(Anchor(0, 500_000_000, 1_000, 1_000));
        map.Add(Anchor(600_000_000, 600_000_100, 600_001_000, 600_001_000));
        Assert.Equal(new MonotonicNanos(600_001_000), map.ToMonotonic(new Ticks(600_000_050)));
        Assert.InRange(map.ErrorBoundNanos(new Ticks(600_000_050)), 550, 560);
    }

    [Fact]
    public void CounterThatGoesBackIsNotedNotFollowed()
    {
        var map = new TickMap(1_000_000_000);
        map.Add(Anchor(5_000_000_000, 5_000_000_010, 1_000_000_000, 1_000_000_000));
        map.Add(Anchor(6_000_000_000, 6_000_000_010, 2_000_000_000, 2_000_000_000));
        map.Add(Anchor(7, 17, 3_000_000_000, 3_000_000_000));
        Assert.Single(map.Segments);
        Assert.Equal(
            "clock: 1 anchors dropped, the sampling clock or CLOCK_MONOTONIC went back after 1970-01-01T00:00:02.000Z; later times are not to be trusted",
            Assert.Single(map.Notes));
    }

    [Fact]
    public void SenselessReadingsAreDropped()
    {
        var map = new TickMap(0);
        map.Add(Anchor(10, 5, 1, 1));
        map.Add(Anchor(0, 1, -1, 1));
        map.Add(Anchor(0, 1, 1, long.MaxValue));
        Assert.True(map.IsEmpty);
        Assert.Equal(["clock: 3 anchors dropped, their readings make no sense"], map.Notes);
        Assert.Throws<InvalidOperationException>(() => map.ToUnix(new Ticks(1)));
    }

    [Fact]
    public void SleepingMachineIsNoted()
    {
        var map = new TickMap(1_000_000_000);
        ulong ticks = 0;
        for (int i = 0; i < 20; i++)
        {
            map.Add(Anchor(ticks, ticks + 10, i * 1_000_000_000L, i * 1_000_000_000L));
            // The counter runs on while CLOCK_MONOTONIC stands still.
            ticks += i == 10 ? 3_600_000_000_000UL : 1_000_000_000UL;
        }
        Assert.Contains("the machine slept or changed its clock", Assert.Single(map.Notes));
    }

    [Fact]
    public void ManyStepsBecomeAFewNotes()
    {
        var map = new TickMap(1_000_000_000);
        for (int i = 0; i < 100; i++)
        {
            ulong ticks = (ulong)i * 1_000_000_000;
            map.Add(Anchor(ticks, ticks + 10, i * 60_000_000_000L, i * 1_000_000_000L));
        }
        Assert.Equal(9, map.Notes.Count);
        Assert.Equal("clock: the wall clock was stepped 99 times in all; only the first 8 are listed", map.Notes[^1]);
        Assert.Equal(new UnixNanos(99_000_000_000), map.ToUnix(new Ticks(99_000_000_005)));
    }

    private static ClockAnchor Anchor(ulong before, ulong after, long realtime, long monotonic) =>
        new(new Ticks(before), new Ticks(after), new UnixNanos(realtime), new MonotonicNanos(monotonic));
}
