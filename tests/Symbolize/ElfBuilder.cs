using System.Buffers.Binary;
using System.Text;

namespace DotnetPprof.Tests.Symbolize;

/// <summary>
/// Builds a small ELF file for x86-64: one executable segment from offset 0x1000 at address 0x401000, a build id, an
/// .eh_frame with its header, and symbol tables as asked.
/// </summary>
internal sealed class ElfBuilder
{
    public const ulong TextOffset = 0x1000;
    public const ulong TextAddress = 0x401000;
    public const ulong TextSize = 0x1000;
    public const ulong HeaderAddress = 0x403000;

    private const int Size = 0x4000;

    private readonly List<(string Name, ulong Address, ulong Size, byte Info, ushort Section)> symbols = [];

    /// <summary>Whether the table is .dynsym, not .symtab.</summary>
    public bool Dynamic { get; init; }

    public byte[] BuildId { get; init; } = [0xab, 0xcd, 0xef, 0x01];

    /// <summary>Start, relative to the text's address, and size of functions with a frame description.</summary>
    public (uint Start, uint Size)[] Frames { get; init; } = [];

    public ElfBuilder Symbol(string name, ulong offset, ulong size, byte info = 0x12, ushort section = 1)
    {
        symbols.Add((name, TextAddress + offset, size, info, section));
        return this;
    }

    public byte[] Build()
    {
        byte[] file = new byte[Size];
        Header(file);
        byte[] note = [4, 0, 0, 0, (byte)BuildId.Length, 0, 0, 0, 3, 0, 0, 0, (byte)'G', (byte)'N', (byte)'U', 0, .. BuildId];
        note.CopyTo(file, 0x200);
        Segment(file, 0, type: 1, flags: 5, TextOffset, TextAddress, TextSize);
        Segment(file, 1, type: 4, flags: 4, 0x200, 0x400200, (ulong)note.Length);
        Segment(file, 2, type: 0x6474e550, flags: 4, 0x3000, HeaderAddress, (ulong)(12 + (8 * Frames.Length)));
        Segment(file, 3, type: 1, flags: 4, 0x3000, HeaderAddress, 0x1000);
        FrameTables(file);

        var strings = new List<byte> { 0 };
        int symbolAt = 0x2000 + 24;
        foreach (var symbol in symbols)
        {
            U32(file, symbolAt, (uint)strings.Count);
            file[symbolAt + 4] = symbol.Info;
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(symbolAt + 6), symbol.Section);
            U64(file, symbolAt + 8, symbol.Address);
            U64(file, symbolAt + 16, symbol.Size);
            symbolAt += 24;
            strings.AddRange(Encoding.UTF8.GetBytes(symbol.Name));
            strings.Add(0);
        }

        strings.ToArray().CopyTo(file, 0x2800);
        Section(file, 1, type: 1, flags: 6, TextAddress, TextOffset, TextSize, link: 0);
        Section(file, 2, type: Dynamic ? 11u : 2u, flags: 0, 0, 0x2000, (ulong)(symbolAt - 0x2000), link: 3);
        Section(file, 3, type: 3, flags: 0, 0, 0x2800, (ulong)strings.Count, link: 0);
        return file;
    }

    private static void Header(byte[] file)
    {
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(file, 0);
        file[16] = 3;
        file[18] = 62;
        U64(file, 32, 64);
        U64(file, 40, 0x400);
        file[52] = 64;
        file[54] = 56;
        file[56] = 4;
        file[58] = 64;
        file[60] = 4;
    }

    private static void Segment(byte[] file, int index, uint type, uint flags, ulong offset, ulong address, ulong size)
    {
        int at = 64 + (index * 56);
        U32(file, at, type);
        U32(file, at + 4, flags);
        U64(file, at + 8, offset);
        U64(file, at + 16, address);
        U64(file, at + 32, size);
        U64(file, at + 40, size);
    }

    private static void Section(byte[] file, int index, uint type, ulong flags, ulong address, ulong offset, ulong size, uint link)
    {
        int at = 0x400 + (index * 64);
        U32(file, at + 4, type);
        U64(file, at + 8, flags);
        U64(file, at + 16, address);
        U64(file, at + 24, offset);
        U64(file, at + 32, size);
        U32(file, at + 40, link);
    }

    private void FrameTables(byte[] file)
    {
        // The common part, then one description of 20 bytes for each function.
        const int common = 0x800;
        new byte[] { 20, 0, 0, 0, 0, 0, 0, 0, 1, (byte)'z', (byte)'R', 0, 1, 0x78, 16, 1, 0x1b }.CopyTo(file, 0x3000 + common);
        new byte[] { 1, 0x1b, 3, 0x3b }.CopyTo(file, 0x3000);
        U32(file, 0x3008, (uint)Frames.Length);
        for (int i = 0; i < Frames.Length; i++)
        {
            int description = common + 24 + (i * 20);
            U32(file, 0x3000 + 12 + (i * 8), (uint)((TextAddress + Frames[i].Start) - HeaderAddress));
            U32(file, 0x3000 + 16 + (i * 8), (uint)description);
            U32(file, 0x3000 + description, 16);
            U32(file, 0x3000 + description + 4, (uint)(description + 4 - common));
            U32(file, 0x3000 + description + 8, (uint)((TextAddress + Frames[i].Start) - (HeaderAddress + (ulong)description + 8)));
            U32(file, 0x3000 + description + 12, Frames[i].Size);
        }
    }

    private static void U32(byte[] file, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);

    private static void U64(byte[] file, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
}
