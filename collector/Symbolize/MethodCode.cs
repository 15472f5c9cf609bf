using DotnetPprof.Model;
using DotnetPprof.Symbolize.Lines;
using DotnetPprof.Unwind;

namespace DotnetPprof.Symbolize;

/// <summary>Identifies one compiled body of one method at one address.</summary>
/// <param name="MethodId">The runtime's MethodDesc; reused after an unload.</param>
/// <param name="NativeCodeId">
/// The native code version, which the events call ReJITID: 0 for the first body, then one up for each tier and OSR body.
/// </param>
/// <param name="Start">First byte of the code.</param>
internal readonly record struct MethodCodeKey(ulong MethodId, ulong NativeCodeId, ulong Start);

/// <summary>
/// One compiled body of a managed method: where it is and when it was there. The times belong to <see cref="CodeMap"/>,
/// which narrows them as it learns, under its lock. There are thousands of these for each target, and `serve` has fifty
/// targets: what is known of a body stands in here, as small as it goes, and in no table beside it.
/// </summary>
/// <param name="key">Which body of which method. Native code ids are numbers of 32 bits in the runtime, and so in here.</param>
/// <param name="size">Bytes of code; 0 for a precompiled method of which only the entry point is known so far.</param>
/// <param name="moduleId">The runtime's id of its module, 0 when unknown.</param>
/// <param name="mapping">Its assembly's mapping; null when only the file mapped at its address tells it.</param>
/// <param name="function">Its name.</param>
/// <param name="precompiled">Whether it is part of an assembly's image, which several methods may share.</param>
internal sealed class MethodCode(MethodCodeKey key, uint size, ulong moduleId, Mapping? mapping, Function function, bool precompiled = false) : IMethodIdentity
{
    /// <summary>Before anything a clock can show: for code that was there when we came.</summary>
    public static readonly MonotonicNanos Beginning = new(long.MinValue);

    /// <summary>Not unloaded as far as we know.</summary>
    public static readonly MonotonicNanos Never = new(long.MaxValue);

    /* What is told of IL has two words, which another thread must not see apart. It is written and read once or twice. */
    private static readonly Lock s_gate = new();

    private readonly uint nativeCodeId = unchecked((uint)key.NativeCodeId);

    /* Not as one: a structure of these would take 4 bytes more. */
    private IlBlock? ilBlock;
    private int ilAt;

    public MethodCodeKey Key => new(MethodId, nativeCodeId, Start);

    public ulong MethodId { get; } = key.MethodId;

    public ulong Start { get; } = key.Start;

    public uint Size { get; internal set; } = size;

    public ulong End => Start + Size;

    public ulong ModuleId { get; internal set; } = moduleId;

    public Mapping? Mapping { get; internal set; } = mapping;

    public Function Function { get; } = function;

    public bool Precompiled { get; } = precompiled;

    /// <summary>The metadata token of its definition; 0 for dynamic methods and where it is not known.</summary>
    public uint Token { get; internal set; }

    /// <summary>The IL its code was made from, and what was inlined into it where the runtime tells that; nothing when unknown.</summary>
    public PackedIl Il
    {
        get
        {
            lock (s_gate) return new PackedIl(ilBlock, ilAt);
        }
        internal set
        {
            lock (s_gate) (ilBlock, ilAt) = (value.Block, value.At);
        }
    }

    /// <summary>From when on the code was there, this time included.</summary>
    public MonotonicNanos Loaded { get; internal set; } = Beginning;

    /// <summary>Whether the runtime told when that was; otherwise a rundown has found it there.</summary>
    public bool IsLoadTold { get; internal set; }

    /// <summary>From when on the code was gone.</summary>
    public MonotonicNanos Unloaded { get; internal set; } = Never;

    /// <summary>What was learned of its frames; belongs to <see cref="LearnedCodes"/>, and is read and written under its lock.</summary>
    internal PackedFrames Frames { get; set; }

    /// <summary>Which of its rounds they are in force since; belongs to it too.</summary>
    internal int FramesRound { get; set; }

    /// <summary>A dynamic method that is gone leaves its id and its address to another.</summary>
    internal bool IsSameBodyAs(MethodCode other) => IsOf(other.Key) && Function.SystemName == other.Function.SystemName;

    internal bool IsOf(MethodCodeKey other) => Start == other.Start && MethodId == other.MethodId && nativeCodeId == unchecked((uint)other.NativeCodeId);

    internal bool Contains(ulong address) => address - Start < Size;

    internal bool Overlaps(MethodCode other) => Start < other.End && other.Start < End;

    internal bool LivesAt(MonotonicNanos time) => Loaded.CompareTo(time) <= 0 && time.CompareTo(Unloaded) < 0;
}
