namespace DotnetPprof.Symbolize;

/// <summary>How a body was made, as the runtime's events number it.</summary>
internal enum OptimizationTier
{
    Unknown,
    MinOptJitted,
    Optimized,
    QuickJitted,
    OptimizedTier1,
    OptimizedTier1OSR,
    QuickJittedInstrumented,
    OptimizedTier1Instrumented,

    /// <summary>Not in three bits: what is told of precompiled methods where their entry is found.</summary>
    ReadyToRun = 8,
}
