using DotnetPprof.Region;

namespace DotnetPprof.Drain;

/// <summary>A thread's ring, checked against the section it lies in; of length 0 where it did not fit.</summary>
internal readonly unsafe struct Ring(RegionRecord* records, uint length)
{
    /// <summary>A power of two, or 0.</summary>
    public uint Length { get; } = length;

    /// <param name="position">Any; it is masked. Not for a ring of length 0.</param>
    public RegionRecord this[ulong position]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfZero(Length);
            return records[position & (Length - 1)];
        }
    }
}
