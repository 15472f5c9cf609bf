using CsCheck;

namespace DotnetPprof.Tests.Fuzz;

internal enum EditKind
{
    SetByte,
    SetWord,
    SetLong,
    CutOff,
    Remove,
    Repeat,
}

/// <summary>One way to damage an input. Where it goes beyond the input it wraps around or is left out.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="At">Where.</param>
/// <param name="Value">What is put there, or how many bytes are moved.</param>
internal readonly record struct Edit(EditKind Kind, uint At, ulong Value)
{
    private const int MostEdits = 12;
    private const int LongestMove = 256;

    /* What offsets, lengths and counts are most often wrong with. */
    private static readonly ulong[] s_edges =
    [
        0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF, 0x100000000,
        0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFF0, 0xFFFFFFFFFFFFFFFF,
    ];

    /// <summary>A handful of edits; the headers at an input's beginning get more than their share.</summary>
    internal static Gen<Edit[]> Several { get; } = Gen.Select(
        Gen.Int[0, (int)EditKind.Repeat].Select(kind => (EditKind)kind),
        Gen.Frequency((2, Gen.UInt), (1, Gen.UInt[0, 512])),
        Gen.Frequency((1, Gen.ULong), (2, Gen.Int[0, s_edges.Length - 1].Select(edge => s_edges[edge])), (1, Gen.ULong[0, LongestMove])),
        (kind, at, value) => new Edit(kind, at, value)).Array[1, MostEdits];

    internal static byte[] Apply(byte[] seed, Edit[] edits)
    {
        byte[] bytes = [.. seed];
        foreach (Edit edit in edits)
            bytes = edit.Apply(bytes);
        return bytes;
    }

    private byte[] Apply(byte[] bytes)
    {
        if (bytes.Length == 0)
            return bytes;
        int at = (int)(At % (uint)bytes.Length);
        int length = (int)Math.Min(Value % LongestMove, (ulong)(bytes.Length - at));
        switch (Kind)
        {
            case EditKind.SetByte:
                bytes[at] = (byte)Value;
                return bytes;
            case EditKind.SetWord:
                return Set(bytes, at, sizeof(uint));
            case EditKind.SetLong:
                return Set(bytes, at, sizeof(ulong));
            case EditKind.CutOff:
                /* Rarely, or hardly any input would be whole. */
                return Value % 4 == 0 ? bytes[..at] : bytes;
            case EditKind.Remove:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            default:
                return [.. bytes[..(at + length)], .. bytes[at..]];
        }
    }

    private byte[] Set(byte[] bytes, int at, int size)
    {
        for (int i = 0; i < size && at + i < bytes.Length; i++)
            bytes[at + i] = (byte)(Value >> (8 * i));
        return bytes;
    }
}
