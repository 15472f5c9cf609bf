using DotnetPprof.Model;

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
/// which narrows them as it learns, under its lock.
/// </summary>
/// <param name="key">Which body of which method.</param>
/// <param name="size">Bytes of code; 0 for a precompiled method of which only the entry point is known so far.</param>
/// <param name="moduleId">The runtime's id of its module, 0 when unknown.</param>
/// <param name="mapping">Its assembly's mapping; null when only the file mapped at its address tells it.</param>
/// <param name="function">Its name.</param>
/// <param name="precompiled">Whether it is part of an assembly's image, which several methods may share.</param>
internal sealed class MethodCode(MethodCodeKey key, uint size, ulong moduleId, Mapping? mapping, Function function, bool precompiled = false)
{
    /// <summary>Before anything a clock can show: for code that was there when we came.</summary>
    public static readonly MonotonicNanos Beginning = new(long.MinValue);

    /// <summary>Not unloaded as far as we know.</summary>
    public static readonly MonotonicNanos Never = new(long.MaxValue);

    public MethodCodeKey Key { get; } = key;

    public ulong Start => Key.Start;

    public uint Size { get; internal set; } = size;

    public ulong End => Key.Start + Size;

    public ulong ModuleId { get; internal set; } = moduleId;

    public Mapping? Mapping { get; internal set; } = mapping;

    public Function Function { get; } = function;

    public bool Precompiled { get; } = precompiled;

    /// <summary>From when on the code was there, this time included.</summary>
    public MonotonicNanos Loaded { get; internal set; } = Beginning;

    /// <summary>From when on the code was gone.</summary>
    public MonotonicNanos Unloaded { get; internal set; } = Never;

    internal bool Contains(ulong address) => address - Start < Size;

    internal bool Overlaps(MethodCode other) => Start < other.End && other.Start < End;

    internal bool LivesAt(MonotonicNanos time) => Loaded.CompareTo(time) <= 0 && time.CompareTo(Unloaded) < 0;
}
