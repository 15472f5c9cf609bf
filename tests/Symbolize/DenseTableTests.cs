using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class DenseTableTests
{
    private readonly DenseTable<Row> table = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ItHoldsWhatADictionaryHolds(int seed)
    {
        var random = new Random(seed);
        var expected = new Dictionary<ulong, int>();
        for (int i = 0; i < 20_000; i++)
        {
            ulong key = (ulong)random.Next(1, 3000) * 8;
            if (random.Next(3) == 0)
            {
                Assert.Equal(expected.Remove(key, out int was), table.Remove(key, out Row removed));
                Assert.Equal(was, removed.Value);
            }
            else
            {
                expected[key] = i;
                table.Set(new Row(key, i));
            }

            key = (ulong)random.Next(1, 3000) * 8;
            Assert.Equal(expected.TryGetValue(key, out int value), table.TryGet(key, out Row found));
            Assert.Equal(value, found.Value);
        }

        Assert.Equal(expected.Count, table.Count);
        Assert.Equal(expected.OrderBy(one => one.Key).Select(one => (one.Key, one.Value)), table.Rows.OrderBy(row => row.Key).Select(row => (row.Key, row.Value)));
    }

    [Fact]
    public void TheKeyOfNothingIsNotTaken()
    {
        table.Set(new Row(0, 1));
        Assert.False(table.TryGet(0, out _));
        Assert.False(table.Remove(0, out _));
        Assert.Equal(0, table.Count);
    }

    private readonly record struct Row(ulong Key, int Value) : IKeyed;
}
