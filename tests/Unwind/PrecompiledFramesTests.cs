using DotnetPprof.Region;
using DotnetPprof.Unwind;
using Xunit;

namespace DotnetPprof.Tests.Unwind;

public class PrecompiledFramesTests
{
    private readonly PrecompiledFrames kept = new();

    [Fact]
    public void TheSameBytesAreKnownWhereRulesAreTheSame()
    {
        var known = new KnownFrames(null, [new RegionRule { Offset = 7 }]);
        kept.Add([1, 2, 3], 0x1000, known);
        Assert.True(kept.TryGet([1, 2, 3], 0x1000, out KnownFrames found));
        Assert.Equal(known, found);
        Assert.True(kept.TryGet([1, 2, 3], 0x7f0000000000, out found));
        Assert.Equal(known, found);
        Assert.False(kept.TryGet([1, 2, 3], 0x1010, out _));
        Assert.False(kept.TryGet([1, 2, 4], 0x1000, out _));
        Assert.False(kept.TryGet([1, 2], 0x1000, out _));
    }

    [Fact]
    public void NoMoreIsKeptThanStated()
    {
        kept.Add(new byte[1 << 20], 0, default);
        Assert.False(kept.TryGet(new byte[1 << 20], 0, out _));
        for (int i = 0; i < 50_000; i++)
            kept.Add(BitConverter.GetBytes(i), 0, default);
        Assert.False(kept.TryGet(BitConverter.GetBytes(0), 0, out _));
        Assert.True(kept.TryGet(BitConverter.GetBytes(49_999), 0, out _));
    }
}
