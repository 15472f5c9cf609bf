using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace DotnetPprof.Symbolize;

/// <summary>
/// A module as the runtime's events tell of it, read in place: ModuleLoad, ModuleUnload and ModuleDCEnd, which have one
/// layout (the runtime's ClrEtwAll.man; later versions add to its end).
/// </summary>
internal readonly ref struct ModuleEvent
{
    private const int TextsAt = 24;

    private ModuleEvent(ulong moduleId, ReadOnlySpan<char> path, Guid pdbSignature, int pdbAge)
    {
        ModuleId = moduleId;
        Path = path;
        PdbSignature = pdbSignature;
        PdbAge = pdbAge;
    }

    /// <summary>The runtime's id of it.</summary>
    public ulong ModuleId { get; }

    /// <summary>The assembly's dll; empty, or only a name, for one in memory.</summary>
    public ReadOnlySpan<char> Path { get; }

    /// <summary>Empty where the event's version does not tell, or there is none.</summary>
    public Guid PdbSignature { get; }

    public int PdbAge { get; }

    /// <param name="data">The event's payload. What is read is valid as long as it is.</param>
    /// <param name="version">The event's.</param>
    /// <param name="e">What it says.</param>
    /// <returns>False where the payload is shorter than its fields.</returns>
    public static bool TryRead(ReadOnlySpan<byte> data, int version, out ModuleEvent e)
    {
        /* Module, assembly, 8 bytes each; flags and 4 bytes; two paths; 2 bytes, and from version 2 the PDB's id, 16, and age, 4. */
        e = default;
        if (data.Length < TextsAt) return false;
        ReadOnlySpan<byte> texts = data[TextsAt..];
        int length = EventShape.TextBytes(texts, texts: 2);
        if (length < 0 || texts.Length - length < (version < 2 ? 2 : 22)) return false;
        ReadOnlySpan<char> path = MemoryMarshal.Cast<byte, char>(texts[..(EventShape.TextBytes(texts, texts: 1) - sizeof(char))]);
        ReadOnlySpan<byte> after = texts[(length + 2)..];
        e = new ModuleEvent(
            BinaryPrimitives.ReadUInt64LittleEndian(data),
            path,
            version < 2 ? Guid.Empty : new Guid(after[..16]),
            version < 2 ? 0 : BinaryPrimitives.ReadInt32LittleEndian(after[16..]));
        return true;
    }
}
