using System.Buffers.Binary;

namespace DotnetPprof.Symbolize;

/// <param name="Offset">In the file.</param>
/// <param name="Address">Virtual address as linked.</param>
/// <param name="FileSize">Bytes in the file.</param>
internal readonly record struct ElfSegment(uint Type, uint Flags, ulong Offset, ulong Address, ulong FileSize);

/// <param name="Link">Index of the section this one refers to: a symbol table's strings.</param>
internal readonly record struct ElfSection(uint Type, ulong Flags, ulong Address, ulong Offset, ulong Size, uint Link);

/// <summary>
/// The frame of an x86-64 ELF file: headers, segments, sections, build id (System V gABI chapters 4 and 5; GNU build id
/// note: NT_GNU_BUILD_ID). Whatever is wrong with the file is an <see cref="InvalidDataException"/>.
/// </summary>
internal sealed class ElfFile : IDisposable
{
    public const uint SectionSymbols = 2;
    public const uint SectionNotes = 7;
    public const uint SectionDynamicSymbols = 11;
    public const ulong SectionExecutable = 4;

    private const uint SegmentLoad = 1;
    private const uint SegmentNotes = 4;
    private const uint SegmentEhFrameHeader = 0x6474e550;
    private const uint SegmentExecutable = 1;
    private const uint NoteGnuBuildId = 3;

    private const int HeaderSize = 64;
    private const int SegmentSize = 56;
    private const int SectionSize = 64;
    private const int MaxSegments = 4096;
    private const int MaxSections = 1 << 20;
    private const uint MaxNoteBytes = 1 << 20;

    private ElfFile(ByteSource bytes, ElfSegment[] segments, ElfSection[] sections)
    {
        Bytes = bytes;
        Segments = segments;
        Sections = sections;
        BuildId = ReadBuildId();
    }

    public ByteSource Bytes { get; }

    public IReadOnlyList<ElfSegment> Segments { get; }

    public IReadOnlyList<ElfSection> Sections { get; }

    /// <summary>Hex, empty when the file has none.</summary>
    public string BuildId { get; }

    /// <summary>Takes ownership of the source, also when it fails.</summary>
    public static ElfFile Read(ByteSource bytes)
    {
        try
        {
            ReadOnlySpan<byte> header = bytes.Read(0, HeaderSize, HeaderSize, "ELF header");
            if (!header.StartsWith("\x7f"u8) || !header[1..].StartsWith("ELF"u8)) throw new InvalidDataException("not an ELF file");
            if (header[4] != 2 || header[5] != 1 || U16(header, 18) != 62) throw new InvalidDataException("not an ELF file for x86-64");
            return new ElfFile(bytes, ReadSegments(bytes, header), ReadSections(bytes, header));
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    public void Dispose() => Bytes.Dispose();

    /// <summary>The linked address of a byte of code in the file, null for bytes outside executable segments.</summary>
    public ulong? AddressOf(ulong fileOffset)
    {
        foreach (ElfSegment segment in Segments)
        {
            if (segment.Type == SegmentLoad && (segment.Flags & SegmentExecutable) != 0 && fileOffset - segment.Offset < segment.FileSize)
                return segment.Address + (fileOffset - segment.Offset);
        }

        return null;
    }

    /// <summary>The .eh_frame_hdr, where there is one.</summary>
    public ElfSegment? EhFrameHeader
    {
        get
        {
            foreach (ElfSegment segment in Segments)
            {
                if (segment.Type == SegmentEhFrameHeader) return segment;
            }

            return null;
        }
    }

    /// <summary>Offset in the file of a linked address, of at least <paramref name="length"/> bytes.</summary>
    public ulong? OffsetOf(ulong address, ulong length)
    {
        foreach (ElfSegment segment in Segments)
        {
            ulong inside = address - segment.Address;
            if (segment.Type == SegmentLoad && inside < segment.FileSize && length <= segment.FileSize - inside) return segment.Offset + inside;
        }

        return null;
    }

    internal static ushort U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    internal static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    internal static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    private static ElfSegment[] ReadSegments(ByteSource bytes, ReadOnlySpan<byte> header)
    {
        int count = U16(header, 56);
        if (count == 0) return [];
        if (count > MaxSegments || U16(header, 54) != SegmentSize) throw new InvalidDataException("ELF program headers of an unknown form");
        ReadOnlySpan<byte> table = bytes.Read(U64(header, 32), (ulong)count * SegmentSize, MaxSegments * SegmentSize, "ELF program headers");
        var segments = new ElfSegment[count];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> one = table.Slice(i * SegmentSize, SegmentSize);
            segments[i] = new ElfSegment(U32(one, 0), U32(one, 4), U64(one, 8), U64(one, 16), U64(one, 32));
        }

        return segments;
    }

    private static ElfSection[] ReadSections(ByteSource bytes, ReadOnlySpan<byte> header)
    {
        ulong offset = U64(header, 40);
        if (offset == 0) return [];
        if (U16(header, 58) != SectionSize) throw new InvalidDataException("ELF section headers of an unknown form");
        ulong count = U16(header, 60);

        // More sections than the header can count: the first section's size counts them (gABI, "ELF Header", e_shnum).
        if (count == 0) count = U64(bytes.Read(offset, SectionSize, SectionSize, "first ELF section header"), 32);
        if (count > MaxSections) throw new InvalidDataException("ELF file with too many sections");
        ReadOnlySpan<byte> table = bytes.Read(offset, count * SectionSize, MaxSections * SectionSize, "ELF section headers");
        var sections = new ElfSection[count];
        for (int i = 0; i < sections.Length; i++)
        {
            ReadOnlySpan<byte> one = table.Slice(i * SectionSize, SectionSize);
            sections[i] = new ElfSection(U32(one, 4), U64(one, 8), U64(one, 16), U64(one, 24), U64(one, 32), U32(one, 40));
        }

        return sections;
    }

    private string ReadBuildId()
    {
        foreach (ElfSegment segment in Segments)
        {
            if (segment.Type == SegmentNotes && BuildIdIn(segment.Offset, segment.FileSize) is { } id) return id;
        }

        // In a debug file the segments' bytes are not there, but the note's section is.
        foreach (ElfSection section in Sections)
        {
            if (section.Type == SectionNotes && BuildIdIn(section.Offset, section.Size) is { } id) return id;
        }

        return "";
    }

    private string? BuildIdIn(ulong offset, ulong size)
    {
        if (size > MaxNoteBytes || offset > Bytes.Length || size > Bytes.Length - offset) return null;
        ReadOnlySpan<byte> notes = Bytes.Read(offset, size, MaxNoteBytes, "ELF notes");
        while (notes.Length >= 12)
        {
            uint nameSize = U32(notes, 0), descriptionSize = U32(notes, 4), type = U32(notes, 8);
            ulong description = 12 + Align4(nameSize);
            ulong next = description + Align4(descriptionSize);
            if (description + descriptionSize > (ulong)notes.Length) return null;
            if (type == NoteGnuBuildId && nameSize == 4 && descriptionSize is > 0 and <= 64 && notes.Slice(12, 4).SequenceEqual("GNU\0"u8))
                return Convert.ToHexStringLower(notes.Slice((int)description, (int)descriptionSize));
            if (next > (ulong)notes.Length) return null;
            notes = notes[(int)next..];
        }

        return null;
    }

    private static ulong Align4(uint value) => ((ulong)value + 3) & ~3UL;
}
