using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace DotnetPprof.Symbolize;

/// <summary>
/// A body of code as the runtime's method events tell of it: MethodLoadVerbose, MethodUnloadVerbose and MethodDCEndVerbose,
/// which have one layout (the runtime's ClrEtwAll.man; later versions add to its end). A target's runtime sends thousands at
/// once, and `serve` has many targets: so they are read in place, and nothing is made of a name that is known already.
/// </summary>
internal readonly ref struct MethodEvent
{
    private const int TextsAt = 36;
    private const int Texts = 3;

    private const uint Dynamic = 0x1;
    private const uint Jitted = 0x8;
    private const int TierShift = 7;
    private const uint TierMask = 0x7;

    private readonly uint flags;

    private MethodEvent(ReadOnlySpan<byte> data, ReadOnlySpan<char> names, ulong nativeCodeId)
    {
        MethodId = BinaryPrimitives.ReadUInt64LittleEndian(data);
        ModuleId = BinaryPrimitives.ReadUInt64LittleEndian(data[8..]);
        Start = BinaryPrimitives.ReadUInt64LittleEndian(data[16..]);
        Size = BinaryPrimitives.ReadUInt32LittleEndian(data[24..]);
        Token = BinaryPrimitives.ReadUInt32LittleEndian(data[28..]);
        flags = BinaryPrimitives.ReadUInt32LittleEndian(data[32..]);
        Names = names;
        NativeCodeId = nativeCodeId;
    }

    /// <summary>The runtime's MethodDesc.</summary>
    public ulong MethodId { get; }

    /// <summary>The runtime's id of the module it is defined in.</summary>
    public ulong ModuleId { get; }

    /// <summary>First byte of the code.</summary>
    public ulong Start { get; }

    /// <summary>Bytes of code.</summary>
    public uint Size { get; }

    /// <summary>The metadata token of its definition.</summary>
    public uint Token { get; }

    /// <summary>Type, method and signature as the runtime spells them, a zero after each: see <see cref="FunctionNames"/>.</summary>
    public ReadOnlySpan<char> Names { get; }

    /// <summary>Which of the method's bodies it is; 0 where the event's version does not tell.</summary>
    public ulong NativeCodeId { get; }

    /// <summary>Whether it is a dynamic method.</summary>
    public bool IsDynamic => (flags & Dynamic) != 0;

    /// <summary>Whether it comes from its assembly's image.</summary>
    public bool IsPrecompiled => (flags & (Dynamic | Jitted)) == 0;

    /// <summary>As the runtime numbers them; 0 for unknown, and for what the JIT did not make: there the bits mean nothing.</summary>
    public uint Tier => (flags & Jitted) != 0 ? (flags >> TierShift) & TierMask : 0;

    /// <param name="data">The event's payload. What is read is valid as long as it is.</param>
    /// <param name="version">The event's.</param>
    /// <param name="e">What it says.</param>
    /// <returns>False where the payload is shorter than its fields.</returns>
    public static bool TryRead(ReadOnlySpan<byte> data, int version, out MethodEvent e)
    {
        e = default;
        if (data.Length < TextsAt) return false;
        int length = EventShape.TextBytes(data[TextsAt..], Texts);
        if (length < 0) return false;
        int after = TextsAt + length;
        if (data.Length - after < (version < 2 ? 2 : 10)) return false;
        ulong nativeCodeId = version < 2 ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(data[(after + 2)..]);
        e = new MethodEvent(data, MemoryMarshal.Cast<byte, char>(data[TextsAt..after]), nativeCodeId);
        return true;
    }
}
