using DotnetPprof.Agent.Clock;
using Xunit;

namespace DotnetPprof.Tests.Clock;

public sealed class AnchorGateTests
{
    private const ulong Ghz = 1_000_000_000;

    [Fact]
    public void LooseBracketsArePassedOver()
    {
        var gate = new AnchorGate(Ghz);
        gate.Took(100);
        Assert.True(gate.Takes(100));
        Assert.True(gate.Takes(4 * 100));
        Assert.False(gate.Takes(4 * 100 + 4));
        Assert.True(gate.Takes(50));
        Assert.False(gate.Takes(4 * 100));
    }

    [Fact]
    public void NarrowerThanEveryOtherIsNotEnoughBeyondTheCap()
    {
        var gate = new AnchorGate(Ghz);
        gate.Took(1_000_000);
        Assert.False(gate.Takes(20_001));
        Assert.True(gate.Takes(20_000));
        var fast = new AnchorGate(5 * Ghz);
        fast.Took(1_000_000);
        Assert.True(fast.Takes(100_000));
    }

    [Fact]
    public void WhenAllAreLooseOneInEightIsTaken()
    {
        var gate = new AnchorGate(Ghz);
        gate.Took(10);
        int taken = Enumerable.Range(0, 80).Count(_ => gate.Takes(5_000));
        Assert.Equal(10, taken);
        Assert.True(gate.Takes(10));
        Assert.Equal(0, Enumerable.Range(0, AnchorGate.Patience - 1).Count(_ => gate.Takes(ulong.MaxValue)));
    }

    /// <summary>A clock so slow that nothing happens between two reads.</summary>
    [Fact]
    public void EmptyBracketsAreTight()
    {
        var gate = new AnchorGate(1);
        gate.Took(0);
        Assert.True(gate.Takes(0));
        Assert.True(gate.Takes(1));
    }
}
