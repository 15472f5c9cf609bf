using System.CommandLine;
using System.Globalization;

namespace DotnetPprof.Commands;

/// <summary>
/// <c>--max-overhead PCT|none</c>: what sampling may take of a thread's CPU time. Whoever asks for a rate gets it, as far
/// as it is safe; whoever does not is held to two percent.
/// </summary>
internal static class OverheadOption
{
    internal const int DefaultPpm = 20_000;
    private const string Name = "--max-overhead";
    private const string None = "none";
    private const double LeastPercent = 0.01;
    private const double MostPercent = 50;

    internal static Option<string?> Create() => new(Name)
    {
        Description = "Most of a thread's CPU time that sampling may take, in percent; the rate is lowered to keep it. Default: 2, or none when a rate is given.",
        HelpName = "PCT|none",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (Ppm(text) is null)
                result.AddError($"'{text}' is neither none nor a percentage between {LeastPercent.ToString(CultureInfo.InvariantCulture)} and {MostPercent}");
            return text;
        },
    };

    /// <returns>Millionths, 0 for none.</returns>
    internal static int Choose(string? given, bool rateGiven) => given is null ? rateGiven ? 0 : DefaultPpm : Ppm(given)!.Value;

    private static int? Ppm(string text)
    {
        if (text == None)
            return 0;
        return double.TryParse(text.TrimEnd('%'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent) && percent is >= LeastPercent and <= MostPercent
            ? (int)Math.Round(percent * 10_000)
            : null;
    }
}
