using DotnetPprof.Model;

namespace DotnetPprof.Commands;

/// <summary>Profiles on disk, and the ranking of functions in them.</summary>
internal interface IProfileStore
{
    /// <summary>Puts the whole profile in place at once, or throws and leaves what was there.</summary>
    /// <returns>The files it is in: more than one where it is too large for one.</returns>
    IReadOnlyList<string> Write(string path, Profile profile);

    /// <summary>The functions with most CPU time, by their own or with their callees'.</summary>
    IReadOnlyList<TopFunction> Top(Profile profile, int count, bool inclusive);

    /// <summary>The same for a saved profile. What cannot be read is a <see cref="UserError"/>.</summary>
    IReadOnlyList<TopFunction> Top(string path, int count, bool inclusive);
}

/// <param name="Name">As a person reads it, arguments included.</param>
/// <param name="ExclusiveNanos">CPU time of its own.</param>
/// <param name="ExclusivePercent">Of all CPU time.</param>
/// <param name="InclusiveNanos">With its callees'.</param>
/// <param name="InclusivePercent">Of all CPU time.</param>
internal readonly record struct TopFunction(string Name, long ExclusiveNanos, double ExclusivePercent, long InclusiveNanos, double InclusivePercent);
