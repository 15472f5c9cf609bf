using System.Buffers.Binary;
using System.Security.Cryptography;
using DotnetPprof.Interop;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Upload;

/// <summary>
/// OpenTelemetry's process.executable.build_id.htlhash: the first 16 bytes of the SHA-256 of a file's first 4096 bytes,
/// its last 4096 and its length as 8 big-endian bytes.
/// </summary>
internal sealed class FileHash
{
    private const int EndBytes = 4096;

    /// <summary>Files of all processes seen lately; then they are read again.</summary>
    private const int MostKnown = 10_000;

    private readonly Dictionary<(int Pid, string Path), string> known = [];

    /// <param name="pid">Of the process that sees the file.</param>
    /// <param name="path">As it sees it.</param>
    /// <returns>Lower-case hex; null where the file cannot be read.</returns>
    public string? Of(int pid, string path)
    {
        if (known.TryGetValue((pid, path), out string? hash))
            return hash;
        hash = Of($"/proc/{pid}/root{path}");
        if (hash is null)
            return null;
        if (known.Count >= MostKnown)
            known.Clear();
        known[(pid, path)] = hash;
        return hash;
    }

    internal static string? Of(string path)
    {
        try
        {
            using SafeFileHandle? file = FileInterop.TryOpenRegular(path);
            if (file is null)
                return null;
            long length = RandomAccess.GetLength(file);
            int end = (int)Math.Min(length, EndBytes);
            byte[] bytes = new byte[(2 * end) + sizeof(long)];
            if (!Fill(file, bytes.AsSpan(0, end), 0) || !Fill(file, bytes.AsSpan(end, end), length - end))
                return null;
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(2 * end), length);
            return Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 16));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool Fill(SafeFileHandle file, Span<byte> into, long offset)
    {
        while (into.Length > 0)
        {
            int read = RandomAccess.Read(file, into, offset);
            if (read <= 0)
                return false;
            into = into[read..];
            offset += read;
        }
        return true;
    }
}
