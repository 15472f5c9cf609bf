using DotnetPprof.Aggregate;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Session;

/// <summary>Names interned stacks: reads the callers from the region and has each place named.</summary>
internal sealed class StackResolver(RegionView region, Symbolizer symbolizer) : IStackResolver
{
    private readonly ReturnAddress[] returns = new ReturnAddress[RegionLayout.MaxDepth];

    /// <summary>Chain ids that named no chain.</summary>
    public long CorruptChains { get; private set; }

    public IReadOnlyList<Location> Resolve(StackKey stack, MonotonicNanos time)
    {
        int depth = 0;
        if (stack.Chain != 0)
        {
            depth = region.ReadChain(stack.Chain, returns);
            if (depth < 0)
            {
                CorruptChains++;
                depth = 0;
            }
        }
        var locations = new Location[depth + 1];
        locations[0] = symbolizer.Resolve(stack.Leaf, time);
        for (int i = 0; i < depth; i++)
            locations[i + 1] = symbolizer.Resolve(returns[i].CallSite, time);
        return locations;
    }

    public Location Synthetic(string name) => symbolizer.Synthetic(name);
}
