using System.Globalization;

namespace DotnetPprof.Commands;

/// <summary>Durations as people write them: <c>30</c>, <c>30s</c>, <c>5m</c>, <c>2h</c>, <c>hh:mm:ss</c>, <c>dd:hh:mm:ss</c>.</summary>
internal static class Durations
{
    internal const string Forms = "30, 30s, 5m, 2h, hh:mm:ss or dd:hh:mm:ss";

    /// <summary>Longer ones are a slip of the finger, and timers could not wait for them.</summary>
    private const long LongestSeconds = 40 * 24 * 3600;

    internal static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        long? seconds = text.Contains(':') ? Clock(text.Split(':')) : Unit(text);
        if (seconds is not (> 0 and <= LongestSeconds)) return false;
        duration = TimeSpan.FromSeconds(seconds.Value);
        return true;
    }

    private static long? Unit(string text)
    {
        int scale = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, >= '0' and <= '9' => 1, _ => 0 };
        if (scale == 0) return null;
        string digits = char.IsAsciiDigit(text[^1]) ? text : text[..^1];
        return Number(digits) is { } number && number <= LongestSeconds ? number * scale : null;
    }

    private static long? Clock(string[] fields)
    {
        if (fields.Length is < 3 or > 4) return null;
        int[] limits = fields.Length == 4 ? [int.MaxValue, 23, 59, 59] : [23, 59, 59];
        int[] scales = fields.Length == 4 ? [24, 60, 60, 1] : [60, 60, 1];
        long seconds = 0;
        for (int i = 0; i < fields.Length; i++)
        {
            if (Number(fields[i]) is not { } number || number > limits[i]) return null;
            seconds = (seconds + number) * scales[i];
        }

        return seconds;
    }

    private static long? Number(string digits) =>
        digits.Length is > 0 and <= 9 && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
}
