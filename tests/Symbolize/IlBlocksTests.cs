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
