using DotnetPprof.Region;

namespace DotnetPprof.Drain;

/// <summary>The rings of one session: one for each of the first <c>Count</c> slots, all of one power-of-two length.</summary>
internal readonly unsafe struct RingTable(RegionRecord* records, uint count, uint length)
{
    public uint Count { get; } = count;

    public uint Length { get; } = length;

    /// <param name="slot">Below <see cref="Count"/>.</param>
    /// <param name="position">Any; it is masked.</param>
    public RegionRecord this[uint slot, ulong position]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, Count);
            return records[(ulong)slot * Length + (position & (Length - 1))];
        }
    }
}
