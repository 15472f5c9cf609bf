using CsCheck;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class HeldEventsTests
{
    private static readonly EventKind s_kind = new(EventProvider.Runtime, 143, 2);

    /* Small times often meet; large payloads do not fit into what is left of a segment, or into any. */
    private static readonly Gen<(byte Time, int Length)[]> s_events = Gen.Select(Gen.Byte[0, 20], Gen.Frequency((20, Gen.Int[0, 40]), (1, Gen.Int[5_000, 40_000]))).Array[0, 200];

    private readonly HeldEventRoom room = new(1 << 24);

    [Fact]
    public void ThoseThatCameInAnyOrderAreReadByTime() => Gen.Select(s_events, Gen.Byte[0, 22].Array[0, 4]).Sample((events, times) =>
    {
        using var held = new HeldEvents(room);
        var read = new List<(long Time, int Number, int Length)>();
        var expected = new List<(long Time, int Number, int Length)>();
        int next = 0;
        foreach (long time in times.Select(time => (long)time).Append(long.MaxValue))
        {
            int part = time == long.MaxValue ? events.Length : Math.Min(events.Length, next + (events.Length / 4));
            for (; next < part; next++)
            {
                byte[] payload = new byte[events[next].Length + sizeof(int)];
                BitConverter.TryWriteBytes(payload, next);
                Assert.True(held.TryAdd(s_kind, new MonotonicNanos(events[next].Time), payload));
            }
            held.ReadUntil(new MonotonicNanos(time), (in RuntimeEvent e) =>
            {
                Assert.Equal(s_kind, e.Kind);
                read.Add((e.Time.Value, BitConverter.ToInt32(e.Data), e.Data.Length - sizeof(int)));
            });
            var known = expected.Select(one => one.Number).ToHashSet();
            expected.AddRange(Enumerable.Range(0, next).Where(i => !known.Contains(i) && events[i].Time <= time).Select(i => ((long)events[i].Time, i, events[i].Length)).OrderBy(one => one.Item1));
            Assert.Equal(expected, read);
        }

        Assert.True(held.IsEmpty);
        Assert.Equal(0, room.Taken);
    }, threads: 1);

    [Fact]
    public void ItEndsWhereTheRoomOfAllEnds()
    {
        var small = new HeldEventRoom(100_000);
        using var first = new HeldEvents(small);
        using var second = new HeldEvents(small);
        int held = 0;
        while (first.TryAdd(s_kind, new MonotonicNanos(held), new byte[1000])) held++;
        Assert.InRange(held, 80, 100);
        Assert.False(second.TryAdd(s_kind, new MonotonicNanos(0), new byte[1000]));
        first.ReadUntil(new MonotonicNanos(held), (in RuntimeEvent _) => held--);
        Assert.Equal(0, held);
        Assert.Equal(0, small.Taken);
        Assert.True(second.TryAdd(s_kind, new MonotonicNanos(0), new byte[1000]));
    }

    [Fact]
    public void OneStreamLeavesRoomToOthers()
    {
        using var greedy = new HeldEvents(room);
        using var other = new HeldEvents(room);
        int held = 0;
        while (greedy.TryAdd(s_kind, new MonotonicNanos(held), new byte[10_000])) held++;
        Assert.InRange(room.Taken, 1 << 21, 1 << 23);
        Assert.True(other.TryAdd(s_kind, new MonotonicNanos(0), new byte[10_000]));
    }

    /// <summary>Each is a run of its own.</summary>
    [Fact]
    public void EventsWithFallingTimesTakeNoMoreThanOthers()
    {
        using var held = new HeldEvents(room);
        int count = 0;
        while (held.TryAdd(s_kind, new MonotonicNanos(-count), [])) count++;
        Assert.InRange(count, 1000, 10_000);
        long last = long.MinValue;
        held.ReadUntil(new MonotonicNanos(0), (in RuntimeEvent e) =>
        {
            Assert.True(e.Time.Value > last);
            last = e.Time.Value;
            count--;
        });
        Assert.Equal(0, count);
        Assert.True(held.TryAdd(s_kind, new MonotonicNanos(0), []));
    }

    [Fact]
    public void WhatIsForgottenTakesNoRoom()
    {
        var held = new HeldEvents(room);
        Assert.True(held.TryAdd(s_kind, new MonotonicNanos(1), new byte[50_000]));
        Assert.NotEqual(0, room.Taken);
        held.Dispose();
        Assert.Equal(0, room.Taken);
    }
}
