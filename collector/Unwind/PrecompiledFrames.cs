using System.Diagnostics.CodeAnalysis;
using DotnetPprof.Region;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>What is known of a piece of code, as it is kept and as it is proposed.</summary>
/// <param name="Analysis">Null when its frames are not understood.</param>
/// <param name="Rules">For the agent's table.</param>
internal readonly record struct KnownFrames(PackedFrames? Analysis, RegionRule[] Rules)
{
    /// <param name="analysed">Null when not understood.</param>
    /// <param name="start">Where the code is.</param>
    /// <param name="kept">Where instances are shared.</param>
    /// <param name="isShared">Whether other targets may have the same.</param>
    public static KnownFrames Of(AnalysedCode? analysed, ulong start, AnalysedCodes kept, bool isShared) =>
        analysed is null ? new(null, []) : new(kept.Keep(analysed, isShared), RuleProposal.Of(analysed, start).ToArray());
}

/// <summary>
/// What was found out about precompiled code, by its bytes: most of what a target has, and the same in every process of a
/// framework, which need not be decoded again for each that comes. The bytes are kept and compared, all of them: a target
/// that sends what it likes is not to spoil another's stacks. Any thread may ask.
/// </summary>
internal sealed class PrecompiledFrames
{
    /// <summary>Of one generation; a process has some 8,000 bodies of precompiled code, 350 bytes each.</summary>
    private const int Most = 1 << 14;

    /// <summary>Hardly a body is larger.</summary>
    private const int LargestCode = 1 << 12;

    private readonly Lock gate = new();
    private readonly TwoGenerations<Code, KnownFrames> kept = new(Most, new ByContent());

    /// <param name="code">All bytes of the body.</param>
    /// <param name="start">Where it is.</param>
    /// <param name="known">What is known of such code.</param>
    public bool TryGet(ReadOnlySpan<byte> code, ulong start, out KnownFrames known)
    {
        known = default;
        if (code.Length > LargestCode)
            return false;
        lock (gate)
        {
            kept.TurnAt(Environment.TickCount64, SharedSymbols.GenerationMilliseconds);
            return kept.TryGetValue(new SeenCode(code, PlaceOf(start)), out known);
        }
    }

    /// <param name="code">All bytes of the body.</param>
    /// <param name="start">Where it is.</param>
    /// <param name="known">What its analysis said.</param>
    public void Add(ReadOnlySpan<byte> code, ulong start, KnownFrames known)
    {
        if (code.Length > LargestCode)
            return;
        byte[] bytes = code.ToArray();
        lock (gate)
            kept.Set(new Code(bytes, PlaceOf(start)), known);
    }

    /* The rules of whole blocks depend on where these begin. */
    private static int PlaceOf(ulong start) => (int)(start % RuleProposal.BlockSize);

    private readonly record struct Code(byte[] Bytes, int Place);

    private readonly ref struct SeenCode(ReadOnlySpan<byte> bytes, int place)
    {
        public readonly ReadOnlySpan<byte> Bytes = bytes;
        public readonly int Place = place;
    }

    private sealed class ByContent : IEqualityComparer<Code>, IAlternateEqualityComparer<SeenCode, Code>
    {
        public Code Create(SeenCode seen) => new(seen.Bytes.ToArray(), seen.Place);

        public bool Equals(Code one, Code other) => Equals(new SeenCode(one.Bytes, one.Place), other);

        public bool Equals(SeenCode seen, Code code) => seen.Place == code.Place && seen.Bytes.SequenceEqual(code.Bytes);

        public int GetHashCode([DisallowNull] Code code) => GetHashCode(new SeenCode(code.Bytes, code.Place));

        public int GetHashCode(SeenCode seen)
        {
            var hash = new HashCode();
            hash.Add(seen.Place);
            hash.AddBytes(seen.Bytes);
            return hash.ToHashCode();
        }
    }
}
