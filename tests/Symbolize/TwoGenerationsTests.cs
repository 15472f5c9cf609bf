using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class TwoGenerationsTests
{
    private readonly TwoGenerations<int, string> kept = new(most: 10);

    [Fact]
    public void WhatIsAskedForStays()
    {
        kept.Set(1, "one");
        kept.Set(2, "two");
        for (long now = 100; now < 1000; now += 100)
        {
            kept.TurnAt(now, 100);
            Assert.True(kept.TryGetValue(1, out string? value));
            Assert.Equal("one", value);
        }
        Assert.False(kept.TryGetValue(2, out _));
        Assert.Equal(1, kept.Count);
    }

    [Fact]
    public void AGenerationLastsItsTime()
    {
        kept.TurnAt(1000, 100);
        kept.Set(1, "one");
        for (long now = 1000; now < 1100; now++)
            kept.TurnAt(now, 100);
        kept.TurnAt(1100, 100);
        Assert.Equal(1, kept.Count);
        kept.TurnAt(1199, 100);
        Assert.Equal(1, kept.Count);
        kept.TurnAt(1200, 100);
        Assert.Equal(0, kept.Count);
    }

    [Fact]
    public void TimesOfAnyKindAreTaken()
    {
        foreach (long now in new[] { long.MinValue, long.MaxValue, 0, -1, long.MinValue })
            kept.TurnAt(now, 100);
    }

    [Fact]
    public void TwoFullOnesAreTheMost()
    {
        for (int i = 0; i < 1000; i++)
        {
            kept.Set(i, "");
            Assert.InRange(kept.Count, 1, 20);
        }
        Assert.True(kept.TryGetValue(990, out _));
        Assert.False(kept.TryGetValue(900, out _));
    }

    [Fact]
    public void WhatIsSetAgainOrRemovedIsThereOnce()
    {
        kept.Set(1, "one");
        kept.TurnAt(1000, 100);
        kept.Set(1, "uno");
        Assert.Equal(1, kept.Count);
        Assert.True(kept.Remove(1, out string? value));
        Assert.Equal("uno", value);
        Assert.False(kept.Remove(1, out _));
    }
}
