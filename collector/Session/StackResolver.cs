using DotnetPprof.Aggregate;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Session;

/// <summary>Names interned stacks: has the leaf and each of its callers named.</summary>
internal sealed class StackResolver(KeptChains chains, Symbolizer symbolizer) : IStackResolver
{
    public IReadOnlyList<Location> Resolve(StackKey stack, MonotonicNanos time)
    {
        ReadOnlySpan<ReturnAddress> returns = chains[stack.Chain];
        var locations = new Location[returns.Length + 1];
        locations[0] = symbolizer.Resolve(stack.Leaf, time);
        for (int i = 0; i < returns.Length; i++)
            locations[i + 1] = symbolizer.Resolve(returns[i].CallSite, time);
        return locations;
    }

    public Location Synthetic(string name) => symbolizer.Synthetic(name);
}
