using System.CommandLine;
using System.Globalization;
using DotnetPprof.Session;

namespace DotnetPprof.Commands;

/// <summary><c>--burst ON/PERIOD</c>: a high rate at a low average cost.</summary>
internal static class BurstOption
{
    private const string Name = "--burst";
    private const string Form = "10ms/1s";
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longestPeriod = TimeSpan.FromHours(1);

    internal static Option<Burst?> Create() => new(Name)
    {
        Description = $"Sample only for ON in every PERIOD, at a random moment in it, such as {Form}; --max-overhead is then the average. What ran between is [between bursts] in the profile.",
        HelpName = "ON/PERIOD",
        CustomParser = result =>
        {
            if (Parse(result.Tokens[0].Value) is { } burst) return burst;
            result.AddError($"'{result.Tokens[0].Value}' is not ON/PERIOD such as {Form}, with ON at least 10ms and shorter than PERIOD, and PERIOD at most 1h");
            return null;
        },
    };

    private static Burst? Parse(string text) =>
        text.Split('/') is [var on, var period] && Time(on) is { } length && Time(period) is { } whole &&
        length >= s_shortest && length < whole && whole <= s_longestPeriod ? new Burst(length, whole) : null;

    private static TimeSpan? Time(string text)
    {
        if (Durations.TryParse(text, out var time)) return time;
        return text.EndsWith("ms", StringComparison.Ordinal) && int.TryParse(text[..^2], NumberStyles.None, CultureInfo.InvariantCulture, out int milliseconds)
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;
    }
}
