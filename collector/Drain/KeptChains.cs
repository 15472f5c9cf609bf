using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Drain;

/// <summary>
/// The callers' chains of a capture, copied as records name them. In the region their memory is used again: by the next
/// generation of a long session, and by the next session of whatever collector once the agent takes this one for dead.
/// Ids given out here are the capture's own, one for each distinct chain.
/// </summary>
internal sealed class KeptChains(RegionView region)
{
    /* The region's ids that are valid now, by their generation's lowest bit: two generations are in use at a time. */
    private readonly Dictionary<uint, uint>[] byRegionId = [[], []];
    private readonly byte[] generations = [0, 1];
    private readonly Dictionary<ulong, uint> byHash = [];
    private readonly List<ReturnAddress[]> chains = [[]];
    private readonly ReturnAddress[] buffer = new ReturnAddress[RegionLayout.MaxDepth];

    /// <summary>Chain ids that named no chain.</summary>
    public long Corrupt { get; private set; }

    /// <summary>Chains kept, the empty one among them.</summary>
    public int Count => chains.Count;

    /// <summary>The return addresses of a chain that was kept, innermost first.</summary>
    public ReadOnlySpan<ReturnAddress> this[uint kept] => kept < (uint)chains.Count ? chains[(int)kept] : default;

    /// <summary>Copies a chain that a record has named; its words were written before the record was.</summary>
    /// <returns>Its id in this capture; 0 for no callers.</returns>
    public uint Keep(uint chain, byte generation)
    {
        if (chain == 0)
            return 0;
        int half = generation & 1;
        if (generations[half] != generation)
        {
            generations[half] = generation;
            byRegionId[half].Clear();
        }
        if (byRegionId[half].TryGetValue(chain, out uint kept))
            return kept;
        int depth = region.ReadChain(chain, buffer);
        if (depth < 0)
            Corrupt++;
        kept = depth < 0 ? 0 : IdOf(buffer.AsSpan(0, depth));
        byRegionId[half].Add(chain, kept);
        return kept;
    }

    private uint IdOf(ReadOnlySpan<ReturnAddress> chain)
    {
        ulong mixed = (ulong)chain.Length;
        foreach (ReturnAddress address in chain)
            mixed = (mixed ^ address.Value) * 0x9E3779B97F4A7C15 + (mixed >> 29);
        if (byHash.TryGetValue(mixed, out uint kept) && chain.SequenceEqual(chains[(int)kept]))
            return kept;
        kept = (uint)chains.Count;
        chains.Add(chain.ToArray());
        /* Of two chains with one hash the later is found; the earlier is then kept twice, and nothing is wrong. */
        byHash[mixed] = kept;
        return kept;
    }
}
