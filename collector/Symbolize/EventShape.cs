using System.Runtime.InteropServices;

namespace DotnetPprof.Symbolize;

/// <summary>How long those fields of an event are whose length is not said, and whether they end inside of it.</summary>
internal static class EventShape
{
    /// <summary>Bytes of so many texts, UTF-16 up to a zero each and the zeros included; -1 where they do not end.</summary>
    public static int TextBytes(ReadOnlySpan<byte> data, int texts)
    {
        ReadOnlySpan<char> rest = MemoryMarshal.Cast<byte, char>(data);
        int units = 0;
        for (; texts > 0; texts--)
        {
            int length = rest[units..].IndexOf('\0');
            if (length < 0) return -1;
            units += length + 1;
        }

        return units * sizeof(char);
    }
}
