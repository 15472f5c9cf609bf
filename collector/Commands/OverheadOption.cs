using System.CommandLine;
using System.Globalization;

namespace DotnetPprof.Commands;

/// <summary><c>--max-overhead PCT|none</c>: what sampling may take of a thread's CPU time.</summary>
internal static class OverheadOption
{
    private const string Name = "--max-overhead";
    private const string None = "none";
    private const double LeastPercent = 0.01;
    private const double MostPercent = 50;

    /// <param name="byDefault">Ends the description.</param>
    internal static Option<string?> Create(string byDefault) => new(Name)
    {
        Description = $"Most of a thread's CPU time that sampling may take, in percent; the rate is lowered to keep it. Default: {byDefault}.",
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
    internal static int Choose(string? given, int byDefault) => given is null ? byDefault : Ppm(given)!.Value;

    private static int? Ppm(string text)
    {
        if (text == None)
            return 0;
        return double.TryParse(text.TrimEnd('%'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent) && percent is >= LeastPercent and <= MostPercent
            ? (int)Math.Round(percent * 10_000)
            : null;
    }
}
