namespace DotnetPprof.Doctor;

internal enum FindingLevel
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Profiling works, with less.</summary>
    Limit,

    /// <summary>Profiling does not work.</summary>
    Problem,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Check">What was looked at; stable, for scripts.</param>
/// <param name="Level">Whether it stands in the way.</param>
/// <param name="Value">What was found.</param>
/// <param name="Meaning">What that means for the user; empty when all is well.</param>
/// <param name="Mend">What to do about it; empty when there is nothing to do.</param>
internal sealed record Finding(string Check, FindingLevel Level, string Value, string Meaning = "", string Mend = "")
{
    internal static Finding Fine(string check, string value, string meaning = "") => new(check, FindingLevel.Ok, value, meaning);

    internal static Finding Limits(string check, string value, string meaning, string mend = "") => new(check, FindingLevel.Limit, value, meaning, mend);

    internal static Finding Problem(string check, string value, string meaning, string mend = "") => new(check, FindingLevel.Problem, value, meaning, mend);
}
