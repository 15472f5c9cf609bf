using DotnetPprof.Aggregate;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Tests.Aggregate;
using Xunit;

namespace DotnetPprof.Tests.Drain;

/// <summary>Four rings of eight records, filled by hand.</summary>
public sealed unsafe class RegionDrainTests : IDisposable
{
    private const uint Rings = 4;
    private const uint Records = FakeRegion.RingRecords;

    private readonly FakeRegion region = new();
    private readonly Collected collected = new();

    public void Dispose() => region.Dispose();

    [Fact]
    public void NothingThereNothingDrained()
    {
        RegionDrain drain = Drain();
        Assert.Equal(0, drain.Drain());
        drain.Finish();
        Assert.Empty(drain.Threads);
        Assert.Empty(collected.Samples);
    }

    [Fact]
    public void RecordsComeOutInOrderAndTheTailFollows()
    {
        region.Open(1, generation: 5, tid: 70, name: "worker");
        RegionDrain drain = Drain();
        for (ulong i = 1; i <= 6; i++)
            Tick(1, i, 10);
        Assert.Equal(0.75, drain.Drain());
        Assert.Equal(6UL, region.Slot(1)->Tail);
        for (ulong i = 7; i <= 14; i++)
            Tick(1, i, 10);
        Assert.Equal(1, drain.Drain());
        Assert.Equal(0, drain.Drain());
        Assert.Equal(Enumerable.Range(1, 14).Select(i => (ulong)i), collected.Samples.Select(s => s.Time.Value));
        Assert.Equal(14, drain.Records);
        DrainedThread thread = Assert.Single(drain.Threads);
        Assert.Equal((0, 5U, 70U, "worker"), (thread.Index, thread.Generation, thread.Tid, thread.Name));
    }

    [Fact]
    public void LossesReachTheSinkAsSamplesWithoutAStack()
    {
        region.Open(0, 1, 70);
        RegionDrain drain = Drain();
        region.Put(0, Records, RecordKind.Lost, 5, value: 3);
        Tick(0, 6, 40);
        drain.Drain();
        Assert.Equal((null, 3L, 30L), (collected.Samples[0].Stack, collected.Samples[0].Count, collected.Samples[0].CpuNanos));
    }

    [Fact]
    public void EndedThreadIsSettledAndItsSlotGivenBackOnce()
    {
        region.Open(0, 9, 70, cpuStart: 1000);
        RegionDrain drain = Drain();
        region.Put(0, Records, RecordKind.Shot, 5, 1, ip: 0xA);
        region.End(0, cpu: 1500);
        drain.Drain();
        Assert.Equal(9U, region.Slot(0)->DrainedGeneration);
        Assert.Equal(500, Assert.Single(collected.Samples).CpuNanos);

        /* The agent has not taken it back yet: it is the same thread still, and its time has been counted. */
        drain.Drain();
        drain.Drain();
        drain.Finish();
        Assert.Single(drain.Threads);
        Assert.Equal(500, collected.Samples.Sum(s => s.CpuNanos));
        Assert.Equal(0, drain.UnattributedNanos);
    }

    [Fact]
    public void SlotIsUsedAgainByTheNextThread()
    {
        RegionDrain drain = Drain();
        for (uint generation = 1; generation <= 20; generation++)
        {
            region.Open(2, generation, tid: 100 + generation, name: $"thread {generation}");
            Tick(2, generation * 10, 7);
            if (generation % 2 == 0)
                drain.Drain();
            Tick(2, generation * 10 + 1, 7);
            region.End(2, cpu: 20);
            drain.Drain();
            Assert.Equal(generation, region.Slot(2)->DrainedGeneration);
            Assert.Equal(region.Slot(2)->Head, region.Slot(2)->Tail);
            region.Slot(2)->State = (uint)SlotState.Free;
            drain.Drain();
        }
        Assert.Equal(Enumerable.Range(1, 20).Select(i => $"thread {i}"), drain.Threads.Select(t => t.Name));
        Assert.Equal(20 * 20, collected.Samples.Sum(s => s.CpuNanos));
        Assert.All(collected.Samples, s => Assert.Equal(s.Time.Value / 10, (ulong)s.Thread + 1));
    }

    [Fact]
    public void ThreadThatEndsBetweenBurstsIsNotSettledTwice()
    {
        region.Open(0, 1, 70, cpuStart: 100);
        RegionDrain drain = Drain();
        Tick(0, 1, 40);
        region.Put(0, Records, RecordKind.Gap, 2, 350);
        region.End(0, 500);
        drain.Drain();
        Assert.Equal([40L, 350L, 10L], collected.Samples.Select(s => s.CpuNanos));
    }

    /// <summary>The agent frees and gives away a slot between two drains: the old thread's account is closed all the same.</summary>
    [Fact]
    public void NextGenerationWithoutAnEndIsANewThread()
    {
        RegionDrain drain = Drain();
        region.Open(0, 1, 70);
        Tick(0, 1, 5);
        region.Put(0, Records, RecordKind.Shot, 2, 1, ip: 0xA);
        drain.Drain();
        region.Open(0, 2, 71);
        Tick(0, 3, 6);
        drain.Drain();
        drain.Finish();
        Assert.Equal([70U, 71U], drain.Threads.Select(t => t.Tid));
        Assert.Equal([(0, 5L), (0, 0L), (1, 6L)], collected.Samples.Select(s => (s.Thread, s.CpuNanos)));
    }

    [Fact]
    public void LivingThreadsAreSettledAtTheEnd()
    {
        region.Open(0, 1, 70, cpuStart: 100);
        region.Open(1, 2, 71, cpuStart: 200);
        RegionDrain drain = Drain();
        region.Put(0, Records, RecordKind.Shot, 1, 1, ip: 0xA);
        region.Slot(0)->CpuNs = 130;
        region.Slot(1)->CpuNs = 250;
        drain.Drain();
        drain.Finish();
        Assert.Equal(30, Assert.Single(collected.Samples).CpuNanos);
        Assert.Equal(50, drain.UnattributedNanos);
    }

    [Fact]
    public void SecondSessionBeginsWhereItsRingsAre()
    {
        region.Open(0, 1, 70);
        Tick(0, 1, 5);
        Drain().Drain();
        Tick(0, 2, 5); /* nobody drains this one */
        region.End(0, 10);
        collected.Samples.Clear();

        region.Open(0, 2, 70);
        RegionDrain second = Drain();
        Tick(0, 3, 6);
        second.Drain();
        region.End(0, 6);
        second.Drain();
        second.Finish();
        Assert.Equal([3UL], collected.Samples.Select(s => s.Time.Value));
        Assert.Equal(2U, Assert.Single(second.Threads).Generation);
    }

    [Fact]
    public void NameBeingWrittenIsTakenLater()
    {
        region.Open(0, 1, 70, name: "before");
        RegionDrain drain = Drain();
        drain.Drain();
        region.Slot(0)->NameSequence |= 1;
        FakeRegion.Write(region.Slot(0)->Name, 64, "half");
        drain.Drain();
        Assert.Equal("before", drain.Threads[0].Name);
        region.Slot(0)->NameSequence++;
        drain.Drain();
        Assert.Equal("half", drain.Threads[0].Name);
        region.Name(0, "");
        drain.Drain();
        Assert.Equal("half", drain.Threads[0].Name);
    }

    [Theory]
    [InlineData(9UL)] // one more than the ring is long
    [InlineData(1UL << 40)]
    [InlineData(ulong.MaxValue)] // behind the tail
    public void HeadThatLiesIsCountedAndFollowed(ulong lie)
    {
        region.Open(0, 1, 70);
        RegionDrain drain = Drain();
        drain.Drain();
        region.Slot(0)->Head = lie;
        Assert.Equal(1, drain.Drain());
        Assert.Equal(1, drain.CorruptRings);
        Assert.Equal(0, drain.Records);
        Assert.Equal(lie, region.Slot(0)->Tail);
        Tick(0, 5, 3);
        drain.Drain();
        Assert.Equal(5UL, Assert.Single(collected.Samples).Time.Value);
    }

    [Fact]
    public void HeadsWrapAroundTwoToTheSixtyFour()
    {
        region.Slot(0)->Head = region.Slot(0)->Tail = ulong.MaxValue - 2;
        region.Open(0, 1, 70);
        RegionDrain drain = Drain();
        for (ulong i = 1; i <= 8; i++)
            Tick(0, i, 1);
        drain.Drain();
        Assert.Equal(Enumerable.Range(1, 8).Select(i => (ulong)i), collected.Samples.Select(s => s.Time.Value));
        Assert.Equal((5UL, 0L), (region.Slot(0)->Tail, drain.CorruptRings));
    }

    [Fact]
    public void TailInTheRegionIsNotBelieved()
    {
        region.Open(0, 1, 70);
        RegionDrain drain = Drain();
        Tick(0, 1, 1);
        drain.Drain();
        region.Slot(0)->Tail = 0xDEAD;
        Tick(0, 2, 1);
        drain.Drain();
        Assert.Equal(2UL, region.Slot(0)->Tail);
        Assert.Equal(2, drain.Records);
    }

    [Theory]
    [InlineData(0U, 0U)]
    [InlineData(0U, 12U)]
    [InlineData(uint.MaxValue, 8U)]
    public void ThreadWhoseRingLiesNowhereIsCountedAndPassedOver(uint start, uint records)
    {
        region.Open(0, 1, 70);
        region.Slot(0)->RingStart = start;
        region.Slot(0)->RingRecords = records;
        region.Open(1, 2, 71);
        RegionDrain drain = Drain();
        Tick(0, 1, 1);
        Tick(1, 2, 1);
        drain.Drain();
        region.End(0, 5);
        drain.Drain();
        Assert.Equal(1, drain.CorruptRings);
        Assert.Equal([2UL], collected.Samples.Select(s => s.Time.Value));
        Assert.Equal(1U, region.Slot(0)->DrainedGeneration);
    }

    [Fact]
    public void RingsMayBeOfDifferentLengths()
    {
        region.Open(0, 1, 70);
        region.Open(1, 2, 71);
        region.Slot(0)->RingRecords = 16;
        region.Slot(1)->RingStart = 16;
        region.Slot(1)->RingRecords = 2;
        RegionDrain drain = Drain();
        for (ulong i = 0; i < 12; i++)
        {
            region.Records[i] = new RegionRecord { Ticks = 100 + i, Kind = (byte)RecordKind.Tick, Value = 1 };
            region.Slot(0)->Head++;
        }
        region.Records[16] = new RegionRecord { Ticks = 200, Kind = (byte)RecordKind.Tick, Value = 1 };
        region.Slot(1)->Head++;
        Assert.Equal(0.75, drain.Drain());
        Assert.Equal([.. Enumerable.Range(100, 12).Select(i => (ulong)i), 200UL], collected.Samples.Select(s => s.Time.Value));
    }

    /// <summary>Slots that say anything at any time: every drain ends, and time never comes out of nothing or turns negative.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void GarbageNeverBreaksTheDrain(int seed)
    {
        var random = new Random(seed);
        region.Control->SlotsUsed = Rings;
        RegionDrain drain = Drain();
        for (int round = 0; round < 500; round++)
        {
            random.NextBytes(new Span<byte>(region.Records, (int)(Rings * Records) * sizeof(RegionRecord)));
            for (uint slot = 0; slot < Rings; slot++)
            {
                if (random.Next(2) == 0)
                    random.NextBytes(new Span<byte>(region.Slot(slot), sizeof(RegionSlot)));
                if (random.Next(4) != 0)
                    (region.Slot(slot)->RingStart, region.Slot(slot)->RingRecords) = (slot * Records, Records);
                region.Slot(slot)->State = (uint)random.Next(5);
                if (random.Next(2) == 0)
                    region.Slot(slot)->Head = region.Slot(slot)->Tail + (ulong)random.Next(12);
            }
            Assert.InRange(drain.Drain(), 0, 1);
        }
        drain.Finish();
        Assert.True(drain.Records <= 500 * Rings * Records);
        Assert.All(collected.Samples, s => Assert.True(s is { Count: >= 0, CpuNanos: >= 0 }));
        Assert.True(drain.UnattributedNanos >= 0);
    }

    private RegionDrain Drain() => new(region.View, new KeptChains(region.View), collected);

    private void Tick(uint slot, ulong ticks, ulong cpu) => region.Put(slot, Records, RecordKind.Tick, ticks, cpu, ip: 0xA);
}
