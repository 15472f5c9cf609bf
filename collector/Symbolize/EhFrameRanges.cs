using System.Buffers.Binary;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Where functions begin and end, from .eh_frame_hdr's sorted table and the frame descriptions it points to (LSB Core,
/// "Exception Frames"): what is left of a function in a stripped library. Only the encodings that linkers for x86-64
/// write are read: a table of 4-byte offsets from the header, descriptions with 4-byte offsets from themselves.
/// </summary>
internal sealed class EhFrameRanges
{
    private const uint MaxHeaderBytes = 64 << 20;
    private const byte DataRelative4 = 0x3b;
    private const byte PcRelative4 = 0x1b;

    private readonly ElfFile file;
    private readonly ulong headerAddress;
    private readonly byte[] table;

    private EhFrameRanges(ElfFile file, ulong headerAddress, byte[] table)
    {
        this.file = file;
        this.headerAddress = headerAddress;
        this.table = table;
    }

    /// <summary>Null when the file has no table, or one of another form.</summary>
    public static EhFrameRanges? Read(ElfFile file)
    {
        if (file.EhFrameHeader is not { } segment || segment.FileSize < 12) return null;
        byte[] header = file.Bytes.Read(segment.Offset, segment.FileSize, MaxHeaderBytes, ".eh_frame_hdr");

        // Version 1, the frame's address in 4 bytes, the count as an unsigned 4-byte number, then the table.
        if (header[0] != 1 || (header[1] & 15) is not (3 or 11) || header[2] != 3 || header[3] != DataRelative4) return null;
        ulong count = Math.Min(ElfFile.U32(header, 8), (ulong)(header.Length - 12) / 8);
        return new EhFrameRanges(file, segment.Address, header[12..(12 + ((int)count * 8))]);
    }

    /// <summary>Linked addresses of the function around <paramref name="address"/>, null where none is described.</summary>
    public (ulong Start, ulong End)? Find(ulong address)
    {
        int low = 0, high = table.Length / 8;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (At(middle * 8) <= address) low = middle + 1;
            else high = middle;
        }

        if (low == 0) return null;
        ulong start = At((low - 1) * 8);
        return SizeAt(At(((low - 1) * 8) + 4), start) is { } size && address - start < size ? (start, start + size) : null;
    }

    private ulong At(int offset) => headerAddress + (ulong)(long)BinaryPrimitives.ReadInt32LittleEndian(table.AsSpan(offset));

    private ulong? SizeAt(ulong description, ulong start)
    {
        // Length, distance to the common part, start, size: four bytes each.
        if (file.OffsetOf(description, 16) is not { } offset) return null;
        ReadOnlySpan<byte> bytes = file.Bytes.Read(offset, 16, 16, "frame description");
        uint length = ElfFile.U32(bytes, 0), distance = ElfFile.U32(bytes, 4);
        if (length is < 12 or 0xffffffff || distance == 0) return null;
        if (CodeEncoding(description + 4 - distance) != PcRelative4) return null;
        ulong described = description + 8 + (ulong)(long)(int)ElfFile.U32(bytes, 8);
        return described == start ? ElfFile.U32(bytes, 12) : null;
    }

    /// <summary>How the descriptions under a common part write their start: its augmentation's R.</summary>
    private byte? CodeEncoding(ulong common)
    {
        const int most = 48;
        int available = most;
        ulong? offset = file.OffsetOf(common, most);
        if (offset is null)
        {
            available = 20;
            offset = file.OffsetOf(common, 20);
        }

        if (offset is not { } at) return null;
        ReadOnlySpan<byte> bytes = file.Bytes.Read(at, (ulong)available, most, "common frame information");
        if (ElfFile.U32(bytes, 4) != 0 || bytes[8] is not (1 or 3)) return null;
        ReadOnlySpan<byte> augmentation = bytes[9..];
        int end = augmentation.IndexOf((byte)0);
        if (end < 1 || augmentation[0] != (byte)'z') return null;
        int data = 9 + end + 1;
        for (int number = 0; number < 4; number++)
        {
            // Code alignment, data alignment, return register, length of the augmentation's data: one LEB128 each.
            while (data < bytes.Length && (bytes[data] & 0x80) != 0) data++;
            data++;
        }

        foreach (byte letter in augmentation[1..end])
        {
            if (data >= bytes.Length) return null;
            switch (letter)
            {
                case (byte)'R': return bytes[data];
                case (byte)'L': data++; break;
                case (byte)'P': data += 1 + ((bytes[data] & 15) is 3 or 11 ? 4 : 8); break;
                case (byte)'S': break;
                default: return null;
            }
        }

        return null;
    }
}
