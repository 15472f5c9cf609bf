using System.Runtime.InteropServices;

namespace DotnetPprof.Symbolize;

/// <summary>
/// How long an event's fields are: what the library reads of an event it reads where it should be, wherever the event ends.
/// Shapes are those of the runtime's ClrEtwAll.man; later versions add to the end of earlier ones.
/// </summary>
internal static class EventShape
{
    /// <summary>Module, assembly, 8 bytes each; flags and 4 bytes; two paths; 2 bytes, and from version 2 the PDB's id, 16, and age, 4.</summary>
    public static bool IsModule(ReadOnlySpan<byte> data, int version) => Holds(data, 24, texts: 2, version < 2 ? 2 : 22);

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

    private static bool Holds(ReadOnlySpan<byte> data, int before, int texts, int after) =>
        data.Length >= before && TextBytes(data[before..], texts) is >= 0 and var length && data.Length - before - length >= after;
}
