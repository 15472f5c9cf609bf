using DotnetPprof.Agent.Unwind;
using Xunit;

namespace DotnetPprof.Tests.Agent;

/// <summary>What code has rules in force, and what goes when other code comes or it is unloaded.</summary>
public sealed class PublishedCodeTests
{
    private readonly PublishedCode published = new();
    private readonly List<ulong> removed = [];

    [Fact]
    public void NewCodeTakesThePlaceOfWhatItOverlaps()
    {
        Put(0x1000, 0x1100);
        Put(0x1200, 0x1300);
        Put(0x1300, 0x1400);
        Put(0x1100, 0x1200);
        Assert.Empty(removed);
        Put(0x10FF, 0x1201);
        Assert.Equal([0x1000, 0x1100, 0x1200], removed);
        Put(0x13FF, 0x1500);
        Assert.Equal([0x1000, 0x1100, 0x1200, 0x1300], removed);
    }

    [Fact]
    public void CodeGoesWithItsMethodOrModule()
    {
        Put(0x1000, 0x1100, method: 1, module: 8);
        Put(0x2000, 0x2100, method: 2, module: 8);
        Put(0x3000, 0x3100, method: 3, module: 9);
        Put(0x4000, 0x4100);
        published.RemoveWhere(piece => piece.BelongsTo(0), Remove);
        Assert.Empty(removed);
        published.RemoveWhere(piece => piece.BelongsTo(3), Remove);
        published.RemoveWhere(piece => piece.BelongsTo(8), Remove);
        Assert.Equal([0x3000, 0x1000, 0x2000], removed);
    }

    private void Put(ulong start, ulong end, ulong method = 0, ulong module = 0) => published.Replace(new CodePiece(start, end, method, module), Remove);

    private void Remove(CodePiece piece) => removed.Add(piece.Start);
}
