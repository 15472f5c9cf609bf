using System.Globalization;
using System.IO.Compression;
using Google.Protobuf;

namespace DotnetPprof.Upload;

/// <summary>
/// One window on its way, as a file: its messages one after another, each after its length as a varint, all
/// gzip-compressed, whose checksum tells a damaged file.
/// </summary>
internal static class QueueFile
{
    /// <summary>A window's messages together; more than any has, and less than would take a small machine's memory.</summary>
    private const int MaxBytes = 256 << 20;

    /// <summary>Above it numbers run out.</summary>
    private const long LastSequence = long.MaxValue / 2;

    private const string Extension = ".window";
    private const string Temporary = ".tmp";

    public static string NameOf(long sequence) => sequence.ToString("D19", CultureInfo.InvariantCulture) + Extension;

    public static string TemporaryOf(long sequence) => NameOf(sequence) + Temporary;

    /// <returns>Null for a file that no queue wrote.</returns>
    public static long? SequenceOf(string name) =>
        name.Length == 19 + Extension.Length && name.EndsWith(Extension, StringComparison.Ordinal)
        && long.TryParse(name.AsSpan(0, 19), NumberStyles.None, CultureInfo.InvariantCulture, out long sequence)
        && sequence <= LastSequence ? sequence : null;

    /// <summary>Whether it is what a queue left that was killed while it wrote.</summary>
    public static bool IsTemporary(string name) =>
        name.EndsWith(Temporary, StringComparison.Ordinal) && SequenceOf(name[..^Temporary.Length]) is not null;

    public static byte[] Pack(IReadOnlyList<byte[]> messages)
    {
        using var packed = new MemoryStream();
        using (var compressed = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        using (var output = new CodedOutputStream(compressed, leaveOpen: true))
        {
            foreach (byte[] message in messages)
                output.WriteBytes(UnsafeByteOperations.UnsafeWrap(message));
        }
        return packed.ToArray();
    }

    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static IReadOnlyList<byte[]> Unpack(byte[] file)
    {
        try
        {
            using var compressed = new GZipStream(new MemoryStream(file), CompressionMode.Decompress);
            using var whole = new MemoryStream();
            byte[] piece = new byte[64 << 10];
            while (compressed.Read(piece) is var read and > 0)
            {
                if (whole.Length + read > MaxBytes) throw new InvalidDataException($"it has more than {MaxBytes >> 20} MiB");
                whole.Write(piece, 0, read);
            }
            using var input = new CodedInputStream(whole.GetBuffer(), 0, (int)whole.Length);
            var messages = new List<byte[]>();
            while (!input.IsAtEnd)
                messages.Add(input.ReadBytes().ToByteArray());
            // A gzip stream without a single block reads as nothing.
            return messages.Count > 0 ? messages : throw new InvalidDataException("it is empty");
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidDataException(e.Message, e);
        }
    }
}
