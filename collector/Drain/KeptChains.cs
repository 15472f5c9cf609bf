using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Drain;

/// <summary>
/// The callers' chains of a session, copied as records name them: the agent gives the memory back once it takes its
/// collector for dead, and the next session writes other chains under the same ids.
/// </summary>
internal sealed class KeptChains(RegionView region)
{
    private readonly Dictionary<uint, ReturnAddress[]> chains = [];
    private readonly ReturnAddress[] buffer = new ReturnAddress[RegionLayout.MaxDepth];

    /// <summary>Chain ids that named no chain.</summary>
    public long Corrupt { get; private set; }

    /// <summary>The return addresses of a chain that was kept, innermost first.</summary>
    public ReadOnlySpan<ReturnAddress> this[uint chain] => chains.GetValueOrDefault(chain);

    /// <summary>Copies a chain that a record has named; its words were written before the record was.</summary>
    public void Keep(uint chain)
    {
        if (chain == 0 || chains.ContainsKey(chain))
            return;
        int depth = region.ReadChain(chain, buffer);
        if (depth < 0)
            Corrupt++;
        chains.Add(chain, depth < 0 ? [] : buffer[..depth]);
    }
}
