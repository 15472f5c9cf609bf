using System.Numerics;
using DotnetPprof.Agent;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Agent;

/// <summary>The rings of a session within what they may take.</summary>
public class RingSpaceTests
{
    private const int Megabyte = 1 << 20;

    private readonly RingSpace space = new();

    [Fact]
    public unsafe void RecordsAreAsLongAsTheRegions() => Assert.Equal(RingSpace.RecordBytes, (uint)sizeof(RegionRecord));

    [Theory]
    [InlineData(100, 1024)]
    [InlineData(1_000, 1024)]
    [InlineData(10_000, 16_384)]
    [InlineData(50_000, 65_536)]
    public void RingHoldsASecondWhereThereIsRoom(int rate, uint records)
    {
        Begin(rate, 128);
        Assert.True(space.TryTake(0, out RingBlock block));
        Assert.Equal(records, block.Records);
    }

    /// <summary>Threads that are there at the start, and threads that come one after another.</summary>
    [Theory]
    [InlineData(20_000, 128, 1000, true)]
    [InlineData(50_000, 128, 500, true)]
    [InlineData(50_000, 128, 150, false)]
    [InlineData(20_000, 128, 250, false)]
    [InlineData(1_000, 128, 4000, true)]
    [InlineData(1_000, 16, 600, false)]
    [InlineData(50_000, 512, 2000, true)]
    public void ManyThreadsFit(int rate, uint megabytes, int threads, bool areKnown)
    {
        Begin(rate, megabytes);
        for (int i = 0; i < threads; i++)
        {
            Assert.True(space.TryTake(areKnown ? threads - 1 - i : 0, out RingBlock block), $"{i}");
            Assert.True(block.Records >= rate / 10 && block.Bytes >= RegionLayout.Page, $"{block}");
        }
    }

    [Fact]
    public void NoneIsGivenWhereEvenAShortOneDoesNotFit()
    {
        Begin(50_000, 1);
        int rings = 0;
        while (space.TryTake(0, out _))
            rings++;
        Assert.Equal(4, rings); /* 5,000 samples and more, 8,192 records: a quarter of a megabyte each */
        Begin(1_000_000, 1);
        Assert.False(space.TryTake(0, out _));
    }

    /// <summary>Blocks lie within the cap, never over each other, and all of it is there again in the end.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 7)]
    [InlineData(3, 100)]
    [InlineData(4, 512)]
    public void BlocksNeverOverlap(int seed, uint megabytes)
    {
        var random = new Random(seed);
        Begin(random.Next(100, 20_000), megabytes);
        uint all = space.FreeRecords;
        Assert.Equal(megabytes * Megabyte / RingSpace.RecordBytes, all);
        var taken = new List<RingBlock>();
        for (int step = 0; step < 5_000; step++)
        {
            if (random.Next(5) < 3 && space.TryTake(random.Next(50), out RingBlock block))
            {
                Assert.True(BitOperations.IsPow2(block.Records));
                Assert.True(block.Start + block.Records <= all);
                taken.Add(block);
            }
            else if (taken.Count > 0)
            {
                int at = random.Next(taken.Count);
                space.Give(taken[at]);
                taken.RemoveAt(at);
            }
            Assert.Equal(all, space.FreeRecords + (uint)taken.Sum(each => each.Records));
        }
        taken.Sort((a, b) => a.Start.CompareTo(b.Start));
        Assert.All(taken.Zip(taken.Skip(1)), pair => Assert.True(pair.First.Start + pair.First.Records <= pair.Second.Start));
        taken.ForEach(space.Give);
        Assert.Equal(all, space.FreeRecords);
        Begin(1_000, megabytes);
        Assert.True(space.TryTake(0, out _));
    }

    [Fact]
    public void WhatIsStillInUseIsNotGivenAway()
    {
        RingBlock[] kept = [new(4096, 1024), new(100 * 1024, 128)];
        space.Begin(1_000_000, 4, kept);
        Assert.Equal((4U * Megabyte / RingSpace.RecordBytes) - 1024 - 128, space.FreeRecords);
        while (space.TryTake(0, out RingBlock block))
            Assert.DoesNotContain(kept, other => other.Start < block.Start + block.Records && block.Start < other.Start + other.Records);
    }

    private void Begin(int rate, uint megabytes) => space.Begin(1_000_000_000 / (ulong)rate, megabytes, []);
}
