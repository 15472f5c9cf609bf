namespace DotnetPprof.Symbolize;

/// <summary>
/// The outline of a PE file: sections and data directories, and reads by relative virtual address (PE format, "Optional
/// Header Data Directories"). Hostile like every file.
/// </summary>
internal sealed class PortableImage
{
    public const int ExceptionDirectory = 3;
    public const int DebugDirectory = 6;
    public const int CliDirectory = 14;

    private readonly ByteSource bytes;
    private readonly Section[] sections = [];
    private readonly byte[] optional = [];
    private readonly int directoriesAt;

    /// <param name="bytes">The file; read later too, and not owned.</param>
    public PortableImage(ByteSource bytes)
    {
        this.bytes = bytes;
        uint pe = ElfFile.U32(bytes.Read(60, 4, 4, "PE header's offset"), 0);
        ReadOnlySpan<byte> header = bytes.Read(pe, 24, 24, "PE header");
        if (!header.StartsWith("PE\0\0"u8)) throw new InvalidDataException("not a PE file");
        int sectionCount = ElfFile.U16(header, 6);
        uint optionalSize = ElfFile.U16(header, 20);
        byte[] read = bytes.Read(pe + 24, optionalSize, ushort.MaxValue, "PE optional header");

        // An assembly of IL alone may be a PE32 file, for any processor.
        directoriesAt = read.Length < 2 ? 0 : ElfFile.U16(read, 0) switch { 0x20b => 112, 0x10b => 96, _ => 0 };
        if (directoriesAt == 0) return;
        optional = read;
        ReadOnlySpan<byte> headers = bytes.Read(pe + 24UL + optionalSize, (ulong)sectionCount * 40, 40 * ushort.MaxValue, "PE section headers");
        sections = new Section[sectionCount];
        for (int i = 0; i < sectionCount; i++)
        {
            ReadOnlySpan<byte> one = headers.Slice(i * 40, 40);
            sections[i] = new Section(ElfFile.U32(one, 12), ElfFile.U32(one, 16), ElfFile.U32(one, 20));
        }
    }

    /// <summary>Whether it is a PE32+ file: precompiled code for x86-64 is in no other.</summary>
    public bool IsWide => directoriesAt == 112;

    public static bool IsPortableExecutable(ByteSource bytes) => bytes.Length >= 2 && bytes.Read(0, 2, 2, "file header").AsSpan().SequenceEqual("MZ"u8);

    /// <summary>Address and size of a data directory; zeros without one.</summary>
    public (uint Address, uint Size) Directory(int number)
    {
        int at = directoriesAt + (number * 8);
        return at + 8 <= optional.Length ? (ElfFile.U32(optional, at), ElfFile.U32(optional, at + 4)) : default;
    }

    /// <param name="address">RVA, from the file.</param>
    /// <param name="size">How many bytes; those past the section's end are left out.</param>
    /// <param name="limit">More than this is refused.</param>
    /// <param name="what">What they are, for the message.</param>
    public byte[] ReadUpTo(uint address, uint size, uint limit, string what)
    {
        foreach (Section section in sections)
        {
            uint inside = address - section.Address;
            if (inside < section.Size)
                return bytes.Read((ulong)section.Offset + inside, Math.Min(size, section.Size - inside), limit, what);
        }

        return [];
    }

    /// <summary>The same for bytes that must all be there.</summary>
    public byte[] Read(uint address, uint size, uint limit, string what)
    {
        byte[] read = ReadUpTo(address, size, limit, what);
        return (uint)read.Length == size ? read : throw new InvalidDataException($"{what}: outside the image's sections");
    }

    /// <summary>The RVA of a byte of the file; null where it is in no section.</summary>
    public uint? AddressOf(ulong fileOffset)
    {
        foreach (Section section in sections)
        {
            if (fileOffset >= section.Offset && fileOffset - section.Offset < section.Size)
                return section.Address + (uint)(fileOffset - section.Offset);
        }

        return null;
    }

    /// <param name="Address">RVA.</param>
    /// <param name="Size">Bytes in the file.</param>
    /// <param name="Offset">In the file.</param>
    private readonly record struct Section(uint Address, uint Size, uint Offset);
}
