using System.Diagnostics.CodeAnalysis;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// One instance for all precompiled code that has the same frames, in all targets: most of what is learned is precompiled,
/// and the same in every process of a framework. What the JIT makes calls by distances that no other target has, and is
/// not looked for. Any thread may ask.
/// </summary>
internal sealed class AnalysedCodes
{
    /// <summary>Of one generation; what is forgotten is kept by its users.</summary>
    private const int Most = 100_000;

    private readonly Lock gate = new();
    private readonly TwoGenerations<PackedFrames, PackedFrames> kept = new(Most, new ByContent());

    /// <summary>What is to be kept of an analysis: what only a proposal needs is left out.</summary>
    /// <param name="code">The analysis.</param>
    /// <param name="shared">Whether other targets may have the same.</param>
    public PackedFrames Keep(AnalysedCode code, bool shared)
    {
        var packed = PackedFrames.Of(code);
        if (!shared)
            return packed;
        lock (gate)
        {
            kept.TurnAt(Environment.TickCount64, SharedSymbols.GenerationMilliseconds);
            if (kept.TryGetValue(packed, out PackedFrames same))
                return same;
            kept.Set(packed, packed);
            return packed;
        }
    }

    private sealed class ByContent : IEqualityComparer<PackedFrames>
    {
        public bool Equals(PackedFrames one, PackedFrames other) => one.Bytes.SequenceEqual(other.Bytes);

        public int GetHashCode([DisallowNull] PackedFrames frames)
        {
            var hash = default(HashCode);
            hash.AddBytes(frames.Bytes);
            return hash.ToHashCode();
        }
    }
}
