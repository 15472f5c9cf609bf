using DotnetPprof.Clock;
using DotnetPprof.Model;
using Xunit;

namespace DotnetPprof.Tests.Clock;

/// <summary>Simulated machines, mapped tick by tick and held to the bound that the map itself states.</summary>
public class TickMapPropertyTests
{
    private const long Second = 1_000_000_000;
    private const long AnchorEvery = Second / 4;

    public static TheoryData<ulong, ulong> Counters => new()
    {
        { 1_000_000_000, 1UL },
        { 1_000_000_000, 400UL * 86_400 * 1_000_000_000 },
        { 2_899_999_123, 400UL * 86_400 * 2_899_999_123 },
        { 5_000_000_000, 400UL * 86_400 * 5_000_000_000 },
        { 3_000_000_000, (1UL << 63) - 15_000_000_000 },
        { 3_000_000_000, ulong.MaxValue - 15_000_000_000 },
        { 24_000_000, 7UL },
    };

    [Theory]
    [MemberData(nameof(Counters))]
    public void SteadyClockIsExactWithinTheBrackets(ulong hz, ulong start)
    {
        var clock = new SimulatedClock(hz, start, seed: 1);
        TickMap map = Filled(clock, hz, 10 * Second);
        Assert.Empty(map.Notes);
        AssertMapped(map, clock, -Second, 12 * Second, most: long.MaxValue);
        AssertMapped(map, clock, 0, 10 * Second, most: 1_000 + 2 * Second / (long)hz);
        Assert.All(map.Segments, s => Assert.InRange(s.ErrorBoundNanos, 1, 2_000));
    }

    [Theory]
    [InlineData(500)]
    [InlineData(-500)]
    public void SlewIsFollowedAndNoted(long ppm)
    {
        var clock = new SimulatedClock(3_000_000_000, 12345, seed: 2);
        clock.Slew(4 * Second + 111_111_111, ppm);
        clock.Slew(7 * Second + 77_777_777, 0);
        TickMap map = Filled(clock, 3_000_000_000, 12 * Second);
        AssertMapped(map, clock, -Second, 13 * Second, most: long.MaxValue);
        string note = Assert.Single(map.Notes);
        Assert.StartsWith("clock: the wall clock was slewed by up to ", note);
        Assert.Contains(ppm > 0 ? "+" : "-", note);
    }

    [Theory]
    [InlineData(3_600)]
    [InlineData(-3_600)]
    [InlineData(-1)]
    public void StepIsNotedAndTimesFollowTheClockFromBefore(long seconds)
    {
        var clock = new SimulatedClock(3_000_000_000, 12345, seed: 3);
        clock.Step(5 * Second + 1, seconds * Second);
        TickMap map = Filled(clock, 3_000_000_000, 10 * Second);
        AssertMapped(map, clock, -Second, 11 * Second, most: 600_000);
        string note = Assert.Single(map.Notes);
        Assert.Matches(@"stepped by [+-]\d+\.\d{6} s after 2023-11-14T22:13:25\.000Z; times follow the clock from before$", note);
    }

    [Fact]
    public void MinuteWithoutAnchorsStaysWithinTheBound()
    {
        var clock = new SimulatedClock(2_500_000_000, 99, seed: 4);
        clock.Slew(30 * Second, 200);
        var map = new TickMap(2_500_000_000);
        for (long at = 0; at <= 80 * Second; at += AnchorEvery)
        {
            if (at is <= 10 * Second or >= 70 * Second)
                map.Add(clock.AnchorAt(at));
        }
        AssertMapped(map, clock, 0, 80 * Second, most: 10_000_000);
    }

    [Fact]
    public void AbsurdBracketsAreDroppedAndNoted()
    {
        var clock = new SimulatedClock(2_500_000_000, 99, seed: 5);
        var map = new TickMap(2_500_000_000);
        for (long at = 0; at <= 10 * Second; at += AnchorEvery)
            map.Add(clock.AnchorAt(at, bracket: at % Second == AnchorEvery ? 3_000_000 : null));
        AssertMapped(map, clock, 0, 10 * Second, most: 1_000);
        Assert.Equal(["clock: 10 anchors dropped, the thread that took them was interrupted"], map.Notes);
    }

    [Fact]
    public void SlowMachineWithWideBracketsIsStillMapped()
    {
        var clock = new SimulatedClock(1_000_000_000, 99, seed: 6) { BracketNanos = 90_000 };
        TickMap map = Filled(clock, 1_000_000_000, 30 * Second);
        AssertMapped(map, clock, -Second, 31 * Second, most: 1_000_000);
    }

    [Fact]
    public void CoveredTicksNeverMoveWhenAnchorsAreAdded()
    {
        var clock = new SimulatedClock(3_141_592_653, 1UL << 40, seed: 7);
        clock.Slew(3 * Second, 400);
        clock.Step(6 * Second, 5 * Second);
        var map = new TickMap(3_000_000_000);
        var seen = new Dictionary<Ticks, (UnixNanos, MonotonicNanos)>();
        var random = new Random(7);
        for (long at = 0; at <= 10 * Second; at += AnchorEvery)
        {
            map.Add(clock.AnchorAt(at));
            foreach ((Ticks ticks, (UnixNanos, MonotonicNanos) times) in seen)
                Assert.Equal(times, (map.ToUnix(ticks), map.ToMonotonic(ticks)));
            for (int i = 0; i < 20 && at > 0; i++)
            {
                Ticks ticks = clock.TicksAt(random.NextInt64(1_000, at - 1_000));
                seen[ticks] = (map.ToUnix(ticks), map.ToMonotonic(ticks));
            }
        }
    }

    [Fact]
    public void ExtrapolatedTicksMoveByNoMoreThanTheirBounds()
    {
        var clock = new SimulatedClock(3_000_000_000, 5, seed: 8);
        clock.Slew(2 * Second, 500);
        clock.Slew(4 * Second, -500);
        var map = new TickMap(3_000_000_000);
        for (long at = 0; at <= 6 * Second; at += AnchorEvery)
        {
            map.Add(clock.AnchorAt(at));
            Ticks ahead = clock.TicksAt(at + AnchorEvery - 7_000);
            long error = Math.Abs(map.ToMonotonic(ahead).Value - clock.MonotonicAt(at + AnchorEvery - 7_000));
            // A slew that just reversed is twice the kernel's rate away from the last second's.
            Assert.InRange(error, 0, 2 * map.ErrorBoundNanos(ahead));
        }
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public void ArbitraryAnchorsNeverCrashOrTurnTimeBack(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 200; round++)
        {
            var map = new TickMap((ulong)random.NextInt64());
            ulong ticks = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
            ulong origin = ticks;
            long realtime = random.NextInt64(0, 1L << 61);
            long monotonic = random.NextInt64(0, 1L << 61);
            for (int i = random.Next(1, 40); i > 0; i--)
            {
                ticks = unchecked(ticks + (ulong)Wild(random));
                realtime = unchecked(realtime + Wild(random));
                monotonic = unchecked(monotonic + Wild(random));
                map.Add(new ClockAnchor(new(ticks), new(unchecked(ticks + (ulong)Wild(random))), new(realtime), new(monotonic)));
            }
            _ = map.Notes;
            _ = map.Segments.Count();
            if (map.IsEmpty)
                continue;
            Ticks first = map.Segments.FirstOrDefault().From;
            List<Ticks> probes = [.. Enumerable.Range(0, 200)
                .Select(_ => random.NextInt64(-(1L << 61), 1L << 61) >> random.Next(60))
                .Order()
                .Select(offset => new Ticks(unchecked(first.Value + (ulong)offset)))];
            if (map.Segments.Any())
                AssertNeverBackwards(map, probes);
            probes.ForEach(t => Assert.True(map.ErrorBoundNanos(t) >= 0));
        }
    }

    private static long Wild(Random random) => random.Next(4) switch
    {
        0 => 0,
        1 => random.NextInt64(0, 1_000),
        2 => random.NextInt64(0, Second),
        _ => random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(63),
    };

    private static TickMap Filled(SimulatedClock clock, ulong hz, long until)
    {
        var map = new TickMap(hz);
        for (long at = 0; at <= until; at += AnchorEvery)
            map.Add(clock.AnchorAt(at));
        return map;
    }

    private static void AssertMapped(TickMap map, SimulatedClock clock, long from, long to, long most)
    {
        var random = new Random(4242);
        List<long> times = [.. Enumerable.Range(0, 5_000).Select(_ => random.NextInt64(from, to)).Order()];
        foreach (long time in times)
        {
            Ticks ticks = clock.TicksAt(time);
            long bound = Math.Min(most, map.ErrorBoundNanos(ticks));
            Assert.InRange(map.ToMonotonic(ticks).Value - clock.MonotonicAt(time), -bound, bound);
            Assert.InRange(map.ToUnix(ticks).Value - clock.UnsteppedAt(time), -bound, bound);
        }
        AssertNeverBackwards(map, times.Select(clock.TicksAt));
    }

    private static void AssertNeverBackwards(TickMap map, IEnumerable<Ticks> ascending)
    {
        (long Unix, long Monotonic) last = (long.MinValue, long.MinValue);
        foreach (Ticks ticks in ascending)
        {
            (long Unix, long Monotonic) next = (map.ToUnix(ticks).Value, map.ToMonotonic(ticks).Value);
            Assert.True(next.Unix >= last.Unix && next.Monotonic >= last.Monotonic);
            last = next;
        }
    }
}
