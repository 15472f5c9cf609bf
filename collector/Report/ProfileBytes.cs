using System.IO.Compression;
using System.Runtime.InteropServices;
using DotnetPprof.Model;

namespace DotnetPprof.Report;

/// <summary>Loads a profile into memory, unpacked.</summary>
internal static class ProfileBytes
{
    /// <summary>A file of a few kilobytes can unpack to terabytes; a day's capture with timestamps stays below this.</summary>
    internal const int LargestProfile = 1 << 30;

    /// <exception cref="UserError">The file is missing, not readable, damaged, or unpacks to more than 1 GiB.</exception>
    public static ReadOnlyMemory<byte> Read(string path, int limit = LargestProfile)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
            ReadOnlyMemory<byte> stored = ReadBounded(file, path, limit);
            if (stored.Length < 2 || stored.Span[0] != 0x1f || stored.Span[1] != 0x8b)
                return stored;
            MemoryMarshal.TryGetArray(stored, out ArraySegment<byte> packed);
            using var unpacked = new GZipStream(
                new MemoryStream(packed.Array!, packed.Offset, packed.Count), CompressionMode.Decompress);
            return ReadBounded(unpacked, path, limit);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserError(ExitCode.Argument, $"cannot read '{path}': no such file");
        }
        catch (UnauthorizedAccessException)
        {
            string why = Directory.Exists(path) ? "it is a directory" : "no permission";
            throw new UserError(ExitCode.Argument, $"cannot read '{path}': {why}");
        }
        catch (InvalidDataException)
        {
            throw new UserError(ExitCode.Argument, $"'{path}' is not a profile: its gzip data is damaged or cut off");
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            throw new UserError(ExitCode.Argument, $"cannot read '{path}': {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static ReadOnlyMemory<byte> ReadBounded(Stream stream, string path, int limit)
    {
        byte[] bytes = new byte[Math.Min(limit, 1 << 16)];
        int length = 0;
        for (int read; (read = stream.Read(bytes, length, bytes.Length - length)) > 0;)
        {
            length += read;
            if (length < bytes.Length)
                continue;
            if (length == limit)
                throw new UserError(ExitCode.Argument, $"'{path}' is too large: it unpacks to more than {limit >> 20} MiB");
            Array.Resize(ref bytes, (int)Math.Min(limit, 2L * length));
        }
        return bytes.AsMemory(0, length);
    }
}
