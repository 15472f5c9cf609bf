using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace DotnetPprof.Interop;

/// <summary>
/// Directories of /proc whose entries are numbers: processes, descriptors. The library looks at each entry once more, and
/// at what links lead to; here there are thousands of them, looked for again and again.
/// </summary>
internal static unsafe partial class NumberedEntries
{
    private const int DirectoryCloseOnExec = 0x10000 | 0x80000;
    private const long GetEntriesCall = 217;
    private const int BufferBytes = 32 << 10;
    private const int LongestLink = 4096;

    /* linux_dirent64: two numbers of 8 bytes, the entry's length, 2, a byte, and the name up to a zero. */
    private const int LengthAt = 16;
    private const int NameAt = 19;

    /// <returns>In the kernel's order; null when the directory cannot be read.</returns>
    public static List<int>? Of(string directory)
    {
        int descriptor = Open(directory, DirectoryCloseOnExec);
        if (descriptor < 0)
            return null;
        try
        {
            var numbers = new List<int>();
            byte* buffer = stackalloc byte[BufferBytes];
            long read;
            while ((read = GetEntries(GetEntriesCall, descriptor, buffer, BufferBytes)) > 0)
            {
                for (long at = 0; at < read; at += *(ushort*)(buffer + at + LengthAt))
                {
                    if (int.TryParse(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(buffer + at + NameAt), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
                        numbers.Add(number);
                }
            }
            return read < 0 ? null : numbers;
        }
        finally
        {
            Close(descriptor);
        }
    }

    /// <summary>What a symbolic link holds; null where there is none, or it may not be read.</summary>
    public static string? Target(string link)
    {
        byte* text = stackalloc byte[LongestLink];
        nint length = ReadLink(link, text, LongestLink);
        return length < 0 ? null : Encoding.UTF8.GetString(text, (int)length);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long GetEntries(long number, int descriptor, byte* buffer, nint bytes);

    [LibraryImport("libc", EntryPoint = "readlink", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint ReadLink(string path, byte* into, nint bytes);
}
