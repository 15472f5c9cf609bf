using System.Reflection.Metadata;
using System.Text;

namespace DotnetPprof.Symbolize.Lines;

/// <summary>What an assembly says of its portable PDB (PE format, "Debug Directory"; dotnet/runtime, PE-COFF.md).</summary>
/// <param name="Id">Which PDB it asks for; null for none.</param>
/// <param name="Path">Where that was built; empty for none.</param>
/// <param name="Embedded">Where in the file there is one, or null.</param>
internal sealed record DebugDirectory(BlobContentId? Id, string Path, (uint Offset, uint Size)? Embedded)
{
    private const int EntryBytes = 28;
    private const uint MaxBytes = 256 * EntryBytes;

    /// <summary>Before the path: "RSDS", an id of 16 bytes, and an age of 4.</summary>
    private const int CodeViewBytes = 24;

    private const uint MaxPathBytes = 4096;

    /// <param name="image">The file's outline.</param>
    /// <param name="bytes">The file.</param>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static DebugDirectory Read(PortableImage image, ByteSource bytes)
    {
        const uint codeView = 2, embedded = 17;
        const ushort portable = 0x504d;
        var found = new DebugDirectory(null, "", null);
        (uint address, uint size) = image.Directory(PortableImage.DebugDirectory);
        byte[] entries = size == 0 ? [] : image.Read(address, size, MaxBytes, "debug directory");
        for (int at = 0; at + EntryBytes <= entries.Length; at += EntryBytes)
        {
            uint type = ElfFile.U32(entries, at + 12), length = ElfFile.U32(entries, at + 16), offset = ElfFile.U32(entries, at + 24);
            if (type == embedded && found.Embedded is null) found = found with { Embedded = (offset, length) };
            if (type == codeView && ElfFile.U16(entries, at + 10) == portable && found.Id is null)
                found = found.With(bytes.Read(offset, length, CodeViewBytes + MaxPathBytes, "PDB's id"), ElfFile.U32(entries, at + 4));
        }

        return found;
    }

    private DebugDirectory With(ReadOnlySpan<byte> codeView, uint stamp)
    {
        if (codeView.Length < CodeViewBytes || !codeView.StartsWith("RSDS"u8)) throw new InvalidDataException("PDB's id: of no known form");
        ReadOnlySpan<byte> path = codeView[CodeViewBytes..];
        int end = path.IndexOf((byte)0);
        return this with { Id = new BlobContentId(new Guid(codeView[4..20]), stamp), Path = Encoding.UTF8.GetString(end < 0 ? path : path[..end]) };
    }
}
