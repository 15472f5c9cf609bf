using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>
/// Numbers the stretches of time within which no code was unloaded: inside one an address means one method only.
/// </summary>
internal interface ICodeGenerations
{
    /// <summary>The generation at a time; never smaller for a later time.</summary>
    int GenerationAt(MonotonicNanos time);
}
