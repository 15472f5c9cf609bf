using DotnetPprof.Symbolize.Lines;
using DotnetPprof.Unwind;

namespace DotnetPprof.Symbolize;

/// <summary>What targets have in common, so that fifty of them take hardly more memory and files than one.</summary>
internal sealed class SharedSymbols
{
    /// <summary>
    /// What no target has asked for in one to two of these is forgotten. Targets ask again for all they use once an hour,
    /// with each of their runs.
    /// </summary>
    public const long GenerationMilliseconds = 2 * 3_600_000;

    public FunctionNames Names { get; } = new();

    public ModuleFiles Files { get; } = new();

    public Counted<SourceKey, SharedSource> Sources { get; } = new();

    public AnalysedCodes Frames { get; } = new();

    public PrecompiledFrames Precompiled { get; } = new();
}
