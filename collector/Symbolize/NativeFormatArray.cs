namespace DotnetPprof.Symbolize;

/// <summary>
/// A sparse array as ReadyToRun images store them (the runtime's nativeformatreader.h): blocks of 16 elements, each a
/// small tree. Reads nothing beyond its bytes: damaged ones have fewer elements.
/// </summary>
internal readonly struct NativeFormatArray
{
    private const uint BlockSize = 16;

    private readonly byte[] bytes;
    private readonly int start;
    private readonly int indexSize;

    public NativeFormatArray(byte[] bytes)
    {
        this.bytes = bytes;
        int at = 0;
        uint header = ReadUnsigned(bytes, ref at) ?? 0;
        start = at;
        indexSize = 1 << (int)(header & 3);
        Count = Math.Min(header >> 2, (uint)bytes.Length * BlockSize);
    }

    public uint Count { get; }

    /// <summary>Where an element's value starts in the bytes; null when the array has none.</summary>
    public int? Find(uint index)
    {
        if (index >= Count || BlockOffset(index / BlockSize) is not { } block) return null;
        long at = start + (long)block;
        for (uint bit = BlockSize >> 1; bit > 0; bit >>= 1)
        {
            if (at >= bytes.Length) return null;
            int after = (int)at;
            if (ReadUnsigned(bytes, ref after) is not { } node) return null;
            if ((index & bit) != 0 && (node & 2) != 0)
            {
                at += node >> 2;
                continue;
            }

            if ((index & bit) == 0 && (node & 1) != 0)
            {
                at = after;
                continue;
            }

            // A leaf in place of a subtree says which element it is.
            return (node & 3) == 0 && node >> 2 == (index & (BlockSize - 1)) && after < bytes.Length ? after : null;
        }

        return at < bytes.Length ? (int)at : null;
    }

    /// <summary>The format's number of 1 to 5 bytes; null beyond the end.</summary>
    public static uint? ReadUnsigned(ReadOnlySpan<byte> bytes, ref int at)
    {
        if (at >= bytes.Length) return null;
        uint first = bytes[at];
        int length = (first & 1) == 0 ? 1 : (first & 2) == 0 ? 2 : (first & 4) == 0 ? 3 : (first & 8) == 0 ? 4 : (first & 16) == 0 ? 5 : 0;
        if (length == 0 || bytes.Length - at < length) return null;
        ReadOnlySpan<byte> all = bytes.Slice(at, length);
        at += length;
        return length switch
        {
            1 => first >> 1,
            2 => (uint)ElfFile.U16(all, 0) >> 2,
            3 => (uint)(ElfFile.U16(all, 0) | (all[2] << 16)) >> 3,
            4 => ElfFile.U32(all, 0) >> 4,
            _ => ElfFile.U32(all, 1),
        };
    }

    private uint? BlockOffset(uint block)
    {
        long at = start + ((long)block * indexSize);
        if (at + indexSize > bytes.Length) return null;
        return indexSize switch
        {
            1 => bytes[at],
            2 => ElfFile.U16(bytes, (int)at),
            4 => ElfFile.U32(bytes, (int)at),
            _ => null,
        };
    }
}
