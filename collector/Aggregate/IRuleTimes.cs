using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>Knows when the way to walk a stack was learned.</summary>
internal interface IRuleTimes
{
    /// <summary>Whether at a time all that it takes to walk a stack was in force.</summary>
    /// <param name="number">The stack's; it stands for the same stack in every call.</param>
    /// <param name="generation">The code generation at that time.</param>
    /// <param name="stack">The stack.</param>
    /// <param name="time">When it was walked.</param>
    bool InForceAt(int number, int generation, in StackKey stack, MonotonicNanos time);
}
