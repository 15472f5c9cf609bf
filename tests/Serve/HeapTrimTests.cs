using DotnetPprof.Serve;
using Xunit;

namespace DotnetPprof.Tests.Serve;

public class HeapTrimTests
{
    private const long MiB = 1 << 20;

    private readonly HeapTrim trim;
    private long heap = 10 * MiB;
    private long stays = 10 * MiB;
    private TimeSpan takes = TimeSpan.FromMilliseconds(100);
    private int collections;

    public HeapTrimTests() => trim = new HeapTrim(() => heap, Collect);

    [Fact]
    public void AHeapThatHasGrownIsCollected()
    {
        heap = 15 * MiB;
        Assert.False(Collects(20));
        heap = 16 * MiB;
        stays = 12 * MiB;
        Assert.True(Collects(30));
        heap = 28 * MiB;
        Assert.False(Collects(31));
        Assert.True(Collects(32));
        heap = 27 * MiB;
        Assert.False(Collects(100));
    }

    [Fact]
    public void WhereMuchStaysItMustHaveGrownByMore()
    {
        heap = stays = 800 * MiB;
        Assert.True(Collects(10));
        heap = 870 * MiB;
        Assert.False(Collects(100));
        heap = 880 * MiB;
        Assert.True(Collects(200));
    }

    [Fact]
    public void NoMoreThanAThirdOfTheTimeIsCollecting()
    {
        takes = TimeSpan.FromSeconds(5);
        heap = 100 * MiB;
        Assert.True(Collects(10));
        heap = 200 * MiB;
        Assert.False(Collects(24));
        Assert.True(Collects(25));
    }

    [Fact]
    public void WhatEndedProcessesLeftIsCollectedTogether()
    {
        Assert.False(Collects(9, ended: 8));
        Assert.True(Collects(10, ended: 8));
        Assert.False(Collects(20, ended: 15));
        Assert.True(Collects(21, ended: 16));
        Assert.False(Collects(50, ended: 17));
        Assert.True(Collects(52, ended: 17));
        Assert.False(Collects(100, ended: 17));
    }

    private bool Collects(int seconds, int ended = 0)
    {
        int before = collections;
        trim.Tend(TimeSpan.FromSeconds(seconds), ended);
        return collections > before;
    }

    private TimeSpan Collect()
    {
        collections++;
        heap = stays;
        return takes;
    }
}
