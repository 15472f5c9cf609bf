using DotnetPprof.Symbolize.Lines;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class IlBlocksTests
{
    [Fact]
    public void EachRecordIsReadFromWhereverItCameToLie()
    {
        var random = new Random(1);
        var blocks = new IlBlocks();
        var records = new List<(byte[] Record, IlBlock Block, int At)>();
        for (int i = 0; i < 500; i++)
        {
            byte[] record = new byte[i == 250 ? 100_000 : random.Next(400)];
            random.NextBytes(record.AsSpan(record.Length / 2));
            (IlBlock block, int at) = blocks.Add(record);
            records.Add((record, block, at));
            if (i % 50 == 0) Assert.Equal(record, block.Read(at).ToArray());
        }

        Assert.InRange(records.Select(one => one.Block).Distinct().Count(), 10, 40);
        Assert.All(records, one => Assert.Equal(one.Record, one.Block.Read(one.At).ToArray()));
    }

    /// <summary>The memory that one block was filled in is the next one's when it is closed.</summary>
    [Fact]
    public async Task WhatIsReadMeanwhileIsWhatWasAdded()
    {
        var blocks = new IlBlocks();
        var added = new System.Collections.Concurrent.ConcurrentQueue<(byte Content, IlBlock Block, int At)>();
        var done = new TaskCompletionSource();
        Task reading = Task.Run(() =>
        {
            while (!done.Task.IsCompleted)
            {
                if (added.TryDequeue(out var one))
                    Assert.All(one.Block.Read(one.At), content => Assert.Equal(one.Content, content));
            }
        });
        for (int i = 0; i < 2000; i++)
        {
            byte content = (byte)i;
            byte[] record = new byte[200 + (i % 300)];
            Array.Fill(record, content);
            (IlBlock block, int at) = blocks.Add(record);
            added.Enqueue((content, block, at));
        }

        done.SetResult();
        await reading;
    }

    [Fact]
    public void NothingIsAddedToABlockThatIsClosed()
    {
        var block = new IlBlock();
        Assert.True(block.TryAdd([1, 2, 3], out int at));
        block.Close();
        block.Close();
        Assert.False(block.TryAdd([4], out _));
        Assert.Equal([1, 2, 3], block.Read(at).ToArray());
    }
}
