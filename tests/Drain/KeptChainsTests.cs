using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Drain;

/// <summary>Chains are the capture's own once they have been seen, whatever becomes of their memory.</summary>
public sealed class KeptChainsTests : IDisposable
{
    private readonly FakeRegion region = new();
    private readonly KeptChains chains;

    public KeptChainsTests() => chains = new KeptChains(region.View);

    public void Dispose() => region.Dispose();

    [Fact]
    public void AnIdThatIsUsedAgainIsAnotherChain()
    {
        region.PutChain(1, 0xA1, 0xA2);
        uint first = chains.Keep(1, generation: 0);
        region.PutChain(1, 0xB1);
        Assert.Equal(first, chains.Keep(1, generation: 0));
        uint second = chains.Keep(1, generation: 2);
        Assert.NotEqual(first, second);
        Assert.Equal([0xA1, 0xA2], Words(first));
        Assert.Equal([0xB1], Words(second));
    }

    [Fact]
    public void TwoGenerationsAreInUseAtATime()
    {
        region.PutChain(1, 0xA1);
        region.PutChain(500, 0xB1);
        uint old = chains.Keep(1, generation: 4);
        uint young = chains.Keep(500, generation: 5);
        region.PutChain(1, 0xC1);
        Assert.Equal(old, chains.Keep(1, generation: 4));
        Assert.Equal(young, chains.Keep(500, generation: 5));
    }

    [Fact]
    public void OneChainIsOneInWhateverGeneration()
    {
        region.PutChain(1, 0xA1, 0xA2);
        region.PutChain(9, 0xA1, 0xA2);
        Assert.Equal(chains.Keep(1, generation: 0), chains.Keep(9, generation: 1));
    }

    [Fact]
    public void NoneAndCorruptAreNoCallers()
    {
        Assert.Equal(0u, chains.Keep(0, generation: 0));
        Assert.Equal(0u, chains.Keep(uint.MaxValue, generation: 0));
        Assert.Equal(1, chains.Corrupt);
        Assert.True(chains[0].IsEmpty);
        Assert.True(chains[77].IsEmpty);
    }

    private ulong[] Words(uint chain)
    {
        var words = new List<ulong>();
        foreach (ReturnAddress address in chains[chain])
            words.Add(address.Value);
        return [.. words];
    }
}
