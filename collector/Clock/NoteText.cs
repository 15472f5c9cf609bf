using System.Globalization;

namespace DotnetPprof.Clock;

/// <summary>Times and spans as notes spell them.</summary>
internal static class NoteText
{
    /// <summary>UTC to the millisecond; <paramref name="unixNanos"/> is 0 or more.</summary>
    public static string Time(long unixNanos) =>
        DateTime.UnixEpoch.AddTicks(unixNanos / 100).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static string Seconds(long nanos) =>
        (nanos / 1_000_000_000.0).ToString("0.0##", CultureInfo.InvariantCulture) + " s";
}
