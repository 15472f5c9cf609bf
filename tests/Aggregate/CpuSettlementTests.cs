using DotnetPprof.Aggregate;
using DotnetPprof.Model;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Aggregate;

public class CpuSettlementTests
{
    private readonly Collected collected = new();
    private readonly CpuSettlement settlement;

    public CpuSettlementTests() => settlement = new CpuSettlement(7, collected);

    [Fact]
    public void TickTakesItsOwnCpuTime()
    {
        Add(RecordKind.Tick, ticks: 100, value: 4_000_000, ip: 0xa, chain: 3, StopReason.Depth);
        Assert.Equal([Sample(0xa, 100, 1, 4_000_000, chain: 3, StopReason.Depth)], collected.Samples);
        Assert.Equal(4_000_000, settlement.SettledNanos);
    }

    [Fact]
    public void ShotsWaitForTheNextReadingAndShareItByTheirPeriodsToTheNanosecond()
    {
        Add(RecordKind.Shot, 100, value: 1, ip: 0xa);
        Add(RecordKind.Shot, 200, value: 5, ip: 0xb);
        Assert.Empty(collected.Samples);
        Add(RecordKind.Tick, 300, value: 10, ip: 0xc);
        Assert.Equal([Sample(0xa, 100, 1, 1), Sample(0xb, 200, 1, 7), Sample(0xc, 300, 1, 2)], collected.Samples);
    }

    [Fact]
    public void SettleSharesWithoutASampleOfItsOwn()
    {
        Add(RecordKind.Shot, 100, 1, ip: 0xa);
        Add(RecordKind.Shot, 200, 1, ip: 0xb);
        Add(RecordKind.Settle, 300, 7);
        Assert.Equal([Sample(0xa, 100, 1, 3), Sample(0xb, 200, 1, 4)], collected.Samples);
    }

    [Fact]
    public void LostSamplesWeighAsManyAsTheyWere()
    {
        Add(RecordKind.Shot, 100, 1, ip: 0xa);
        Add(RecordKind.Lost, 150, 8);
        Add(RecordKind.Lost, 160, 0);
        Add(RecordKind.Tick, 200, 100, ip: 0xb);
        Assert.Equal(
            [Sample(0xa, 100, 1, 10), new SettledSample(7, null, new Ticks(150), 8, 80), Sample(0xb, 200, 1, 10)],
            collected.Samples);
    }

    [Fact]
    public void SettleAfterEverythingWasSettledGoesToTheLatestStackAtItsTime()
    {
        Add(RecordKind.Tick, 100, 4, ip: 0xa);
        Add(RecordKind.Settle, 900, 6);
        Add(RecordKind.Settle, 950, 0);
        Assert.Equal([Sample(0xa, 100, 1, 4), Sample(0xa, 100, 0, 6)], collected.Samples);
        Assert.Equal(0, settlement.UnattributedNanos);
    }

    [Fact]
    public void SettleOfAThreadNeverSampledIsUnattributed()
    {
        Add(RecordKind.Settle, 100, 6);
        settlement.Flush(3);
        Assert.Empty(collected.Samples);
        Assert.Equal(9, settlement.UnattributedNanos);
        Assert.Equal(9, settlement.SettledNanos);
    }

    [Fact]
    public void FlushSettlesWhatIsLeft()
    {
        Add(RecordKind.Shot, 100, 1, ip: 0xa);
        settlement.Flush(5);
        Assert.Equal([Sample(0xa, 100, 1, 5)], collected.Samples);
    }

    [Fact]
    public void FlushWithoutAReadingInventsNoCpuTime()
    {
        Add(RecordKind.Shot, 100, 1, ip: 0xa);
        settlement.Flush(null);
        settlement.Flush(null);
        Assert.Equal([Sample(0xa, 100, 1, 0)], collected.Samples);
    }

    [Fact]
    public void GarbageIsBoundedAndCounted()
    {
        Add(RecordKind.None, 1, 1);
        Add((RecordKind)77, 1, 1);
        Add(RecordKind.Lost, 1, ulong.MaxValue);
        Add(RecordKind.Tick, 2, ulong.MaxValue, ip: 0xa);
        settlement.Flush(long.MinValue);
        Assert.Equal(2, settlement.UnknownRecords);
        Assert.All(collected.Samples, s => Assert.True(s.Count > 0 && s.CpuNanos >= 0));
        Assert.Equal(settlement.SettledNanos, collected.Samples.Sum(s => s.CpuNanos));
    }

    [Fact]
    public void ShotsThatAreNeverSettledDoNotPileUp()
    {
        for (int i = 0; i < CpuSettlement.MostUnsettled + 1; i++)
            Add(RecordKind.Shot, (ulong)i, 1, ip: 0xa);
        Assert.Equal(CpuSettlement.MostUnsettled / 2, collected.Samples.Count);
        settlement.Flush(1_000_000);
        Assert.Equal(CpuSettlement.MostUnsettled + 1, collected.Samples.Count);
        Assert.Equal(1_000_000, collected.Samples.Sum(s => s.CpuNanos));
        Assert.Equal(collected.Samples.OrderBy(s => s.Time.Value), collected.Samples);
    }

    [Fact]
    public void SumsAreExactForAnyMixture()
    {
        var random = new Random(5);
        long cpu = 0;
        long samples = 0;
        for (int i = 0; i < 20_000; i++)
        {
            var kind = (RecordKind)random.Next(1, 5);
            long value = random.NextInt64(0, 5_000_000) >> random.Next(22);
            Add(kind, (ulong)i, (ulong)value, ip: 0xa);
            cpu += kind is RecordKind.Tick or RecordKind.Settle ? value : 0;
            samples += kind switch { RecordKind.Lost => value, RecordKind.Settle => 0, _ => 1 };
        }
        settlement.Flush(17);
        Assert.Equal(cpu + 17, settlement.SettledNanos);
        Assert.Equal(cpu + 17, settlement.UnattributedNanos + collected.Samples.Sum(s => s.CpuNanos));
        Assert.Equal(samples, collected.Samples.Sum(s => s.Count));
    }

    [Fact]
    public void WhatRanBetweenBurstsIsNoSamples()
    {
        Add(RecordKind.Shot, 100, value: 1, ip: 0xa);
        Add(RecordKind.Settle, 110, 9);
        Add(RecordKind.Gap, 500, 700);
        Add(RecordKind.Tick, 510, value: 4, ip: 0xb);
        Assert.Equal(
            [Sample(0xa, 100, 1, 9), new SettledSample(7, StackKey.BetweenBursts, new Ticks(500), 0, 700), Sample(0xb, 510, 1, 4)],
            collected.Samples);
        Assert.Equal((13, 700), (settlement.SettledNanos, settlement.GapNanos));
    }

    [Fact]
    public void WhatRanWhileTheAgentKeptQuietIsNobodys()
    {
        Add(RecordKind.Tick, 100, value: 9, ip: 0xa);
        Add(RecordKind.Unsampled, 500, 700);
        settlement.Flush(4);
        Assert.Equal([Sample(0xa, 100, 1, 9), Sample(0xa, 100, 0, 4)], collected.Samples);
        Assert.Equal((13, 700), (settlement.SettledNanos, settlement.GapNanos));
        Assert.Equal(0, settlement.UnknownRecords);
    }

    private void Add(
        RecordKind kind, ulong ticks, ulong value, ulong ip = 0, uint chain = 0, StopReason stop = StopReason.Root) =>
        settlement.Add(new RegionRecord
        {
            Ticks = ticks,
            Ip = ip,
            Value = value,
            Chain = chain,
            Kind = (byte)kind,
            Stop = (ushort)stop,
        });

    private static SettledSample Sample(
        ulong ip, ulong ticks, long count, long cpu, uint chain = 0, StopReason stop = StopReason.Root) =>
        new(7, new StackKey(new InstructionPointer(ip), chain, stop), new Ticks(ticks), count, cpu);
}
