using System.Globalization;
using System.Text.RegularExpressions;
using DotnetPprof.Model;

namespace DotnetPprof.Serve;

/// <summary>The name of a window's file: SERVICE_PID_yyyyMMddTHHmmss.fffZ.pb.gz, the begin of the window in UTC.</summary>
internal static partial class WindowName
{
    private const int LongestService = 80;
    private const string TimeFormat = "yyyyMMdd'T'HHmmss.fff'Z'";

    public static string Of(FinishedWindow window) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Safe(window.Process.Service)}_{window.Process.Pid}_{TimeOf(window.From).ToString(TimeFormat, CultureInfo.InvariantCulture)}.pb.gz");

    /// <summary>The begin of the window whose file has this name; null for a name that is not made here.</summary>
    public static DateTime? TimeIn(string name) =>
        Pattern().Match(name) is { Success: true } match &&
        DateTime.TryParseExact(match.Groups[1].ValueSpan, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime time)
            ? time
            : null;

    public static DateTime TimeOf(UnixNanos time) => DateTime.UnixEpoch.AddTicks(time.Value / 100);

    /// <summary>No separator, nothing that hides the file, and nothing that a shell would have to be told.</summary>
    private static string Safe(string service)
    {
        string safe = string.Concat(service.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' ? c : '_')).TrimStart('.', '-');
        return safe.Length == 0 ? "service" : safe.Length > LongestService ? safe[..LongestService] : safe;
    }

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9._-]{0,79}_[0-9]{1,10}_([0-9]{8}T[0-9]{6}\.[0-9]{3}Z)\.pb\.gz$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
