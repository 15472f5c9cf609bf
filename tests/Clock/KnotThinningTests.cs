using DotnetPprof.Clock;
using DotnetPprof.Model;
using Xunit;

namespace DotnetPprof.Tests.Clock;

/// <summary>Captures far longer than the anchors that are kept, held to the bound that the map itself states.</summary>
public class KnotThinningTests
{
    private const long Second = 1_000_000_000;
    private const long AnchorEvery = Second / 4;
    private const int Most = 200;

    [Fact]
    public void DaysOfAnchorsTakeTheMemoryOfHours()
    {
        var clock = new SimulatedClock(2_899_999_123, 77, seed: 1);
        var map = new TickMap(2_900_000_000);
        for (long at = 0; at < 3 * 86_400 * Second; at += AnchorEvery)
            map.Add(clock.AnchorAt(at));
        Assert.InRange(map.Segments.Count(), 1, 1 << 15);
        AssertMapped(map, clock, 3 * 86_400 * Second, most: 5_000);
        Assert.Empty(map.Notes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ErrorsStayWithinTheirBoundsWhateverTheClocksDo(int seed)
    {
        const long Until = 2_000 * Second;
        var random = new Random(seed);
        var clock = new SimulatedClock(3_000_000_000, 5, seed);
        for (long at = 50 * Second; at < Until; at += random.NextInt64(20, 200) * Second)
            clock.Slew(at + random.NextInt64(Second), random.NextInt64(-500, 500));
        clock.Step(777 * Second + 1, -3 * Second);
        var map = new TickMap(3_000_000_000, Most);
        for (long at = 0; at <= Until; at += AnchorEvery)
        {
            map.Add(clock.AnchorAt(at));
            Assert.InRange(map.Segments.Count(), 0, Most);
        }
        AssertMapped(map, clock, Until, most: long.MaxValue);
    }

    [Fact]
    public void OldTimesMoveByLessThanTheBoundAndNewOnesNotAtAll()
    {
        var clock = new SimulatedClock(3_000_000_000, 5, seed: 9);
        clock.Slew(100 * Second, 400);
        var thinned = new TickMap(3_000_000_000, Most);
        var whole = new TickMap(3_000_000_000);
        for (long at = 0; at <= 300 * Second; at += AnchorEvery)
        {
            ClockAnchor anchor = clock.AnchorAt(at);
            thinned.Add(anchor);
            whole.Add(anchor);
        }
        Assert.Equal(1200, whole.Segments.Count());
        for (long at = 0; at <= 300 * Second; at += 17_000_001)
        {
            Ticks ticks = clock.TicksAt(at);
            Assert.InRange(Math.Abs(thinned.ToUnix(ticks).Value - whole.ToUnix(ticks).Value), 0, thinned.ErrorBoundNanos(ticks));
        }
        foreach (long at in (long[])[0, Second / 3, 299 * Second, 300 * Second - 7])
            Assert.Equal(whole.ToMonotonic(clock.TicksAt(at)), thinned.ToMonotonic(clock.TicksAt(at)));
    }

    [Fact]
    public void SlewOfLongAgoIsStillNoted()
    {
        var clock = new SimulatedClock(3_000_000_000, 5, seed: 10);
        clock.Slew(40 * Second, 300);
        clock.Slew(60 * Second, 0);
        var map = new TickMap(3_000_000_000, Most);
        for (long at = 0; at <= 600 * Second; at += AnchorEvery)
            map.Add(clock.AnchorAt(at));
        Assert.Contains("slewed by up to +", Assert.Single(map.Notes));
    }

    private static void AssertMapped(TickMap map, SimulatedClock clock, long until, long most)
    {
        var random = new Random(4242);
        (long Unix, long Monotonic) last = (long.MinValue, long.MinValue);
        foreach (long time in Enumerable.Range(0, 20_000).Select(_ => random.NextInt64(0, until)).Order())
        {
            Ticks ticks = clock.TicksAt(time);
            long bound = Math.Min(most, map.ErrorBoundNanos(ticks));
            (long Unix, long Monotonic) mapped = (map.ToUnix(ticks).Value, map.ToMonotonic(ticks).Value);
            Assert.InRange(mapped.Monotonic - clock.MonotonicAt(time), -bound, bound);
            Assert.InRange(mapped.Unix - clock.UnsteppedAt(time), -bound, bound);
            Assert.True(mapped.Unix >= last.Unix && mapped.Monotonic >= last.Monotonic);
            last = mapped;
        }
    }
}
