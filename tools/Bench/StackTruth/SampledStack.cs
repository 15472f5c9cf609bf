namespace DotnetPprof.Bench.StackTruth;

/// <summary>A stack as a tool shows it.</summary>
/// <param name="Tid">Of the thread.</param>
/// <param name="Samples">That found it.</param>
/// <param name="Weight">What it stands for, in a unit of the tool's.</param>
/// <param name="Frames">
/// From the innermost: "Namespace.Type.Method" where the tool names a method, a symbol, "MODULE!" for a place in a native
/// module that has none there, or null where it has no name.
/// </param>
internal sealed record SampledStack(int Tid, long Samples, double Weight, IReadOnlyList<string?> Frames);
