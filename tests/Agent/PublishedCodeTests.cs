using DotnetPprof.Agent.Unwind;
using Xunit;

namespace DotnetPprof.Tests.Agent;

/// <summary>What code has rules in force, and what goes when other code comes or it is unloaded.</summary>
public sealed class PublishedCodeTests
{
    private readonly PublishedCode published = new();
    private readonly List<(ulong Start, ulong End)> removed = [];

    [Fact]
    public void NewMethodTakesThePlaceOfWhatItOverlaps()
    {
        Put(0x1000, 0x1100);
        Put(0x1200, 0x1300);
        Put(0x1300, 0x1400, method: 7);
        Put(0x1100, 0x1200);
        Assert.Empty(removed);
        Put(0x10FF, 0x1201, method: 1);
        Assert.Equal([(0x1000, 0x1100), (0x1100, 0x1200), (0x1200, 0x1300)], removed);
        removed.Clear();
        Put(0x13FF, 0x1500, method: 2);
        Assert.Equal([(0x1300, 0x1400)], removed);
    }

    /// <summary>The runtime's stubs are found from where they were interrupted on: at a later place first, perhaps.</summary>
    [Fact]
    public void WhatIsNoMethodTakesItsOwnPlaceAlone()
    {
        Put(0x1000, 0x1040);
        Put(0x1040, 0x1080);
        Put(0x1010, 0x1050);
        Assert.Equal([(0x1010, 0x1040), (0x1040, 0x1050)], removed);
        Assert.Equal([(0x1000, 0x1010), (0x1010, 0x1050), (0x1050, 0x1080)], TakeAll());
    }

    [Fact]
    public void RestOnBothSidesOfWhatIsNoMethodStays()
    {
        Put(0x1000, 0x1040);
        Put(0x1010, 0x1020);
        Assert.Equal([(0x1000, 0x1010), (0x1010, 0x1020), (0x1020, 0x1040)], TakeAll());
    }

    [Fact]
    public void MethodDoesNotGiveWayToWhatIsNone()
    {
        Put(0x1000, 0x1040);
        Put(0x1040, 0x1100, method: 1, module: 8);
        Assert.False(published.TryReplace(new CodePiece(0x1020, 0x1080, 0, 0), Remove));
        Assert.False(published.TryReplace(new CodePiece(0x1050, 0x1060, 0, 0), Remove));
        Assert.Empty(removed);
        published.RemoveWhere(piece => piece.BelongsTo(1), Remove);
        Put(0x1020, 0x1080);
        Assert.Equal([(0x1040, 0x1100), (0x1020, 0x1040)], removed);
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
        Assert.Equal([0x3000u, 0x1000u, 0x2000u], removed.Select(piece => piece.Start));
    }

    private void Put(ulong start, ulong end, ulong method = 0, ulong module = 0) => Assert.True(published.TryReplace(new CodePiece(start, end, method, module), Remove));

    private List<(ulong Start, ulong End)> TakeAll()
    {
        removed.Clear();
        published.RemoveWhere(_ => true, Remove);
        return removed;
    }

    private void Remove(CodePiece piece) => removed.Add((piece.Start, piece.End));
}
