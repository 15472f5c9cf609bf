using System.Text;
using DotnetPprof.Interop;

namespace DotnetPprof.Session;

/// <summary>Searches a file for bytes without holding it in memory.</summary>
internal static class FileSearch
{
    private const int BlockBytes = 1 << 20;

    /// <summary>Up to 64 bytes that follow the first occurrence, as text; null when there is none.</summary>
    internal static string? Find(string path, ReadOnlySpan<byte> wanted)
    {
        const int tail = 64;
        try
        {
            using var file = FileInterop.OpenRegular(path);
            byte[] block = new byte[BlockBytes];
            // Blocks overlap, so that what straddles two of them is whole in one.
            for (long offset = 0; ; offset += BlockBytes - wanted.Length - tail)
            {
                int length = RandomAccess.Read(file, block, offset);
                int found = block.AsSpan(0, length).IndexOf(wanted);
                if (found >= 0)
                {
                    int start = found + wanted.Length;
                    return Encoding.ASCII.GetString(block, start, Math.Min(tail, length - start));
                }

                if (length < BlockBytes) return null;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
