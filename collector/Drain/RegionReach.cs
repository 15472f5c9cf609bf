using DotnetPprof.Interop;

namespace DotnetPprof.Drain;

/// <summary>
/// How much of a mapped region can be accessed: what was asked for. It is sparse, half a gigabyte for each target, and a
/// read gives memory to the page that is read: whoever reads all of a process, as the runtime's createdump does, would fill
/// the machine. Any thread may ask.
/// </summary>
/// <param name="memory">Start of the mapping, of which nothing can be accessed yet.</param>
/// <param name="bytes">Its size.</param>
internal sealed unsafe class RegionReach(byte* memory, ulong bytes)
{
    /// <summary>Bytes made accessible at a time: a mapping each, where neighbours are not.</summary>
    private const ulong Piece = 256 << 10;

    private readonly bool[] pieces = new bool[(bytes + Piece - 1) / Piece];

    /// <summary>Makes a part accessible, whoever asked for it before.</summary>
    /// <param name="offset">From the region's start.</param>
    /// <param name="length">Bytes; the part lies inside the region.</param>
    /// <exception cref="RegionFormatException">The kernel refuses.</exception>
    public void Cover(ulong offset, ulong length)
    {
        for (ulong piece = offset / Piece; piece * Piece < offset + length; piece++)
        {
            if (Volatile.Read(ref pieces[piece]))
                continue;
            ulong at = piece * Piece;
            if (!RegionInterop.MakeAccessible(memory + at, Math.Min(Piece, bytes - at)))
                throw new RegionFormatException("the kernel does not let more of the agent's region be read: too many mappings (vm.max_map_count)?");
            Volatile.Write(ref pieces[piece], true);
        }
    }
}
