using System.Buffers.Binary;
using System.Collections.Immutable;
using System.IO.Compression;
using System.Reflection.Metadata;
using System.Runtime.InteropServices;

namespace DotnetPprof.Symbolize.Lines;

/// <summary>
/// A portable PDB inside its assembly: "MPDB", its size (4 bytes), and itself, deflated (dotnet/runtime,
/// docs/design/specs/PE-COFF.md). The class library's reader sets the size aside before it looks at what is there.
/// </summary>
internal static class EmbeddedPdb
{
    private const int HeaderBytes = 8;
    private const int MaxPackedBytes = 64 << 20;
    private const int MaxBytes = 256 << 20;

    /// <param name="file">The assembly.</param>
    /// <param name="offset">In the file.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="InvalidDataException">It is damaged, or larger than any.</exception>
    public static MetadataReaderProvider Read(ByteSource file, uint offset, uint length)
    {
        byte[] packed = file.Read(offset, length, MaxPackedBytes, "embedded PDB");
        if (length < HeaderBytes) throw new InvalidDataException("its embedded PDB is none");
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(packed.AsSpan(4));
        if (!packed.AsSpan(0, 4).SequenceEqual("MPDB"u8) || size > MaxBytes) throw new InvalidDataException("its embedded PDB is none, or too large");
        return MetadataReaderProvider.FromPortablePdbImage(ImmutableCollectionsMarshal.AsImmutableArray(Inflate(packed, (int)size)));
    }

    private static byte[] Inflate(byte[] packed, int size)
    {
        using var inflater = new DeflateStream(new MemoryStream(packed, HeaderBytes, packed.Length - HeaderBytes), CompressionMode.Decompress);
        using var whole = new MemoryStream();
        byte[] piece = new byte[64 << 10];
        while (inflater.Read(piece) is var read and > 0)
        {
            if (whole.Length + read > size) throw new InvalidDataException("its embedded PDB is larger than it says");
            whole.Write(piece, 0, read);
        }

        return whole.ToArray();
    }
}
