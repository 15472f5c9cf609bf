using System.Runtime.InteropServices;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>Rings of two and four records, by hand.</summary>
public sealed unsafe class RingTests : IDisposable
{
    private const int MostRecords = 4;

    private readonly RegionSlot* shared = (RegionSlot*)NativeMemory.AllocZeroed((nuint)sizeof(RegionSlot));
    private readonly RegionRecord* ring = (RegionRecord*)NativeMemory.AllocZeroed(MostRecords + 1, (nuint)sizeof(RegionRecord));
    private void* slot;

    public void Dispose()
    {
        Shim.FreeSlot(slot);
        NativeMemory.Free(shared);
        NativeMemory.Free(ring);
    }

    [Fact]
    public void FillsDrainsAndWrapsAround()
    {
        Begin(2);
        Assert.True(Put(10));
        Assert.True(Put(20));
        Assert.False(Put(30));
        Assert.Equal([10, 20], TicksOf(0, 1));
        Assert.Equal(2UL, shared->Head);
        shared->Tail = 1;
        Assert.True(Put(30));
        Assert.False(Put(40));
        shared->Tail = 3;
        Assert.True(Put(40));
        Assert.True(Put(50));
        Assert.Equal([50, 40], TicksOf(0, 1));
        Assert.Equal(5UL, shared->Head);
        AssertNothingBehind(2);
    }

    [Fact]
    public void LossesAreReportedBeforeTheNextRecordWithTheFirstOnesTime()
    {
        Begin(4);
        for (ulong i = 1; i <= 4; i++)
            Assert.True(Put(i));
        Lose(5);
        Lose(6);
        Lose(7);
        Assert.Equal(3UL, Shim.Lost(slot));
        Assert.Equal(3UL, Shim.Count(slot, (uint)Counter.LostRingFull));
        shared->Tail = 2;
        Assert.True(Put(8));
        Assert.Equal(6UL, shared->Head);
        AssertLost(at: 0, since: 5, count: 3);
        Assert.Equal(8UL, ring[1].Ticks);
        Assert.Equal(0UL, Shim.Lost(slot));
    }

    [Fact]
    public void RoomForOneGoesToTheReportAndTheRecordIsLostInTurn()
    {
        Begin(2);
        Put(1);
        Put(2);
        Lose(3);
        shared->Tail = 1;
        Assert.False(Put(4));
        Lose(4);
        AssertLost(at: 0, since: 3, count: 1);
        shared->Tail = 3;
        Assert.True(Put(5));
        AssertLost(at: 1, since: 4, count: 1);
        Assert.Equal(5UL, ring[0].Ticks);
        Assert.Equal(2UL, Shim.Count(slot, (uint)Counter.LostRingFull));
    }

    [Fact]
    public void ReportAloneIsWrittenOnceAndOnlyWhenThereIsRoom()
    {
        Begin(2);
        Shim.ReportLost(slot);
        Assert.Equal(0UL, shared->Head);
        Put(1);
        Put(2);
        Lose(3);
        Shim.ReportLost(slot);
        Assert.Equal(2UL, shared->Head);
        shared->Tail = 2;
        Shim.ReportLost(slot);
        Shim.ReportLost(slot);
        Assert.Equal(3UL, shared->Head);
        AssertLost(at: 0, since: 3, count: 1);
    }

    [Theory]
    [InlineData(4UL)] // beyond the head
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    [InlineData(3UL + ulong.MaxValue / 2)]
    public void TailThatLiesLooksLikeAFullRing(ulong lie)
    {
        Begin(4);
        for (ulong i = 1; i <= 3; i++)
            Put(i);
        shared->Tail = lie;
        Assert.False(Put(9));
        Assert.Equal([1, 2, 3, 0], TicksOf(0, 1, 2, 3));
        shared->Tail = 3;
        Assert.True(Put(9));
        AssertNothingBehind(4);
    }

    [Fact]
    public void TailFarBehindLooksLikeAFullRing()
    {
        Begin(4, start: 1000);
        shared->Tail = 995;
        Assert.False(Put(1));
        shared->Tail = 0;
        Assert.False(Put(1));
        shared->Tail = 997;
        Assert.True(Put(1));
        Assert.Equal([1], TicksOf(1000 % 4));
    }

    /// <summary>A tail that claims more room than there is has records overwritten, inside the ring.</summary>
    [Fact]
    public void TailThatRunsAheadOfItsReaderStaysInsideTheRing()
    {
        Begin(2);
        for (ulong i = 1; i <= 100; i++)
        {
            Assert.True(Put(i));
            shared->Tail = shared->Head;
        }
        Assert.Equal([99, 100], TicksOf(0, 1));
        AssertNothingBehind(2);
    }

    /// <summary>The slot counts by its own head: what the region says in its place is overwritten, never read.</summary>
    [Fact]
    public void HeadInTheRegionIsNotBelieved()
    {
        Begin(2);
        Put(1);
        shared->Head = 0xDEAD;
        Assert.True(Put(2));
        Assert.Equal(2UL, shared->Head);
        Assert.Equal([1, 2], TicksOf(0, 1));
    }

    [Fact]
    public void PositionsWrapAroundTwoToTheSixtyFour()
    {
        Begin(4, start: ulong.MaxValue - 1);
        for (ulong i = 1; i <= 4; i++)
            Assert.True(Put(i));
        Assert.False(Put(5));
        Assert.Equal(2UL, shared->Head);
        Assert.Equal([3, 4, 1, 2], TicksOf(0, 1, 2, 3));
        shared->Tail = 0;
        Assert.True(Put(5));
        Assert.Equal([3, 4, 5, 2], TicksOf(0, 1, 2, 3));
        AssertNothingBehind(4);
    }

    private void Begin(ulong records, ulong start = 0)
    {
        shared->Head = shared->Tail = start;
        ring[records] = new RegionRecord { Ticks = 0x5EA1 };
        slot = Shim.NewSlot(shared, ring, records);
    }

    private bool Put(ulong ticks)
    {
        var record = new RegionRecord { Ticks = ticks, Ip = 0xA0, Value = 1, Chain = 7, Kind = (byte)RecordKind.Shot };
        return Shim.Put(slot, &record) != 0;
    }

    private void Lose(ulong ticks) => Shim.Lose(slot, ticks);

    private ulong[] TicksOf(params int[] positions) => [.. positions.Select(position => ring[position].Ticks)];

    private void AssertLost(int at, ulong since, ulong count)
    {
        RegionRecord record = ring[at];
        Assert.Equal(RecordKind.Lost, (RecordKind)record.Kind);
        Assert.Equal((since, count), (record.Ticks, record.Value));
        Assert.Equal((0UL, 0U, (ushort)0), (record.Ip, record.Chain, record.Stop));
    }

    private void AssertNothingBehind(int records) => Assert.Equal(0x5EA1UL, ring[records].Ticks);
}
