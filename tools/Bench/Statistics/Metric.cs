using System.Globalization;
using System.Text.RegularExpressions;

namespace DotnetPprof.Bench.Statistics;

/// <summary>What is measured of a command: its time, its CPU time, or a number that it prints.</summary>
internal sealed class Metric
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(5);

    private readonly Regex? pattern;

    private Metric(string name, string unit, Regex? pattern)
    {
        Name = name;
        Unit = unit;
        this.pattern = pattern;
    }

    internal string Name { get; }

    internal string Unit { get; }

    internal bool IsWall => Name == "wall";

    internal bool IsCpu => Name == "user+sys";

    /// <summary>
    /// <c>wall</c>, <c>user+sys</c> (its waited-for children's included), or a regular expression whose first group, or
    /// whole match where it has none, is a number on the command's standard output.
    /// </summary>
    /// <exception cref="ArgumentException">Not a regular expression.</exception>
    internal static Metric Parse(string text) => text switch
    {
        "wall" or "user+sys" => new Metric(text, "s", null),
        _ => new Metric(text, "", new Regex(text, RegexOptions.Multiline | RegexOptions.CultureInvariant, patience)),
    };

    /// <summary>The first number in a command's output that the pattern finds.</summary>
    /// <exception cref="FormatException">There is none.</exception>
    internal double Read(string output)
    {
        Match match = pattern!.Match(output);
        if (!match.Success)
            throw new FormatException($"nothing in the output matches '{Name}'");
        string number = (match.Groups.Count > 1 ? match.Groups[1] : match.Groups[0]).Value.Replace(",", "", StringComparison.Ordinal);
        if (!double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !double.IsFinite(value))
            throw new FormatException($"'{number}', matched by '{Name}', is not a number");
        return value;
    }
}
