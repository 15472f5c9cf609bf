using System.Buffers.Binary;

namespace DotnetPprof.Symbolize;

/// <summary>
/// The function table of a precompiled (ReadyToRun) assembly: the exception directory of its PE file, RUNTIME_FUNCTION
/// entries of begin, end and unwind information as 4-byte RVAs (PE format, "The .pdata Section"). It gives size to
/// methods of which the runtime reports only the entry point. Hostile like every file.
/// </summary>
internal sealed class ReadyToRunImage
{
    private const uint MaxTableBytes = 128 << 20;
    private const int EntrySize = 12;

    private readonly Section[] sections;
    private readonly byte[] table;

    private ReadyToRunImage(Section[] sections, byte[] table)
    {
        this.sections = sections;
        this.table = table;
    }

    public static bool IsPortableExecutable(ByteSource bytes) => bytes.Length >= 2 && bytes.Read(0, 2, 2, "file header").AsSpan().SequenceEqual("MZ"u8);

    public static ReadyToRunImage Read(ByteSource bytes)
    {
        uint pe = ElfFile.U32(bytes.Read(60, 4, 4, "PE header's offset"), 0);
        ReadOnlySpan<byte> header = bytes.Read(pe, 24, 24, "PE header");
        if (!header.StartsWith("PE\0\0"u8)) throw new InvalidDataException("not a PE file");
        int sectionCount = ElfFile.U16(header, 6);
        uint optionalSize = ElfFile.U16(header, 20);
        ReadOnlySpan<byte> optional = bytes.Read(pe + 24, optionalSize, ushort.MaxValue, "PE optional header");

        // Precompiled code for x86-64 is in a PE32+ file; an assembly of IL alone may be a PE32 one.
        if (optional.Length < 144 || ElfFile.U16(optional, 0) != 0x20b) return new ReadyToRunImage([], []);
        ReadOnlySpan<byte> headers = bytes.Read(pe + 24UL + optionalSize, (ulong)sectionCount * 40, 40 * ushort.MaxValue, "PE section headers");
        var sections = new Section[sectionCount];
        for (int i = 0; i < sectionCount; i++)
        {
            ReadOnlySpan<byte> one = headers.Slice(i * 40, 40);
            sections[i] = new Section(ElfFile.U32(one, 12), ElfFile.U32(one, 16), ElfFile.U32(one, 20));
        }

        // Data directory 3: the exception table.
        uint tableAddress = ElfFile.U32(optional, 136), tableSize = ElfFile.U32(optional, 140);
        byte[] table = [];
        foreach (Section section in sections)
        {
            uint inside = tableAddress - section.Address;
            if (tableSize > 0 && inside < section.Size)
                table = bytes.Read((ulong)section.Offset + inside, Math.Min(tableSize, section.Size - inside), MaxTableBytes, "PE exception table");
        }

        return new ReadyToRunImage(sections, table);
    }

    /// <summary>How far into its function a byte of the file is, and how long that is; null outside all functions.</summary>
    public (uint Distance, uint Size)? FunctionAt(ulong fileOffset)
    {
        if (AddressOf(fileOffset) is not { } address) return null;
        int low = 0, high = table.Length / EntrySize;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (At(middle * EntrySize) <= address) low = middle + 1;
            else high = middle;
        }

        if (low == 0) return null;
        uint begin = At((low - 1) * EntrySize), end = At(((low - 1) * EntrySize) + 4);
        return address < end ? (address - begin, end - begin) : null;
    }

    private uint? AddressOf(ulong fileOffset)
    {
        foreach (Section section in sections)
        {
            if (fileOffset >= section.Offset && fileOffset - section.Offset < section.Size)
                return section.Address + (uint)(fileOffset - section.Offset);
        }

        return null;
    }

    private uint At(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(offset));

    /// <param name="Address">RVA.</param>
    /// <param name="Size">Bytes in the file.</param>
    /// <param name="Offset">In the file.</param>
    private readonly record struct Section(uint Address, uint Size, uint Offset);
}
