using System.Text;
using Pyroscope.Types.V1;

namespace DotnetPprof.Upload.Pyroscope;

/// <summary>
/// A profile's labels by Pyroscope's rules (pkg/validation of Pyroscope 2.2.1, default limits): names match
/// [a-zA-Z_][a-zA-Z0-9_]*, are unique and at most 1024 bytes long, values are UTF-8 of at most 2048 bytes, and no series
/// has more than 30 labels. What breaks a rule makes the server refuse the whole profile.
/// </summary>
internal static class PyroscopeLabels
{
    public const string Thread = "thread_name";

    internal const int MostLabels = 30;
    internal const int MostNameBytes = 1024;
    internal const int MostValueBytes = 2048;

    private const string Name = "__name__";
    private const string Service = "service_name";

    /// <summary>Samples' labels become labels of the series too, and must not meet one of its own.</summary>
    private static readonly string[] Taken = [Name, Service, Thread, "span_id", "trace_id", "profile_id"];

    /// <summary>Sorted by name, with room for the thread's.</summary>
    public static IReadOnlyList<LabelPair> Of(ProfileOrigin origin)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            [Name] = "process_cpu",
            [Service] = Value(origin.Service),
            // Two processes of a service have windows of the same time: in one series, one of them would be a duplicate.
            ["process_pid"] = origin.Pid.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        foreach ((string key, string text) in origin.Attributes)
        {
            string name = LegalName(key);
            string value = Value(text);
            // A label without a value is none; names that begin with two underscores are the server's own.
            if (labels.Count + 1 < MostLabels && value.Length > 0 && name.Length is > 0 and <= MostNameBytes
                && !name.StartsWith("__", StringComparison.Ordinal) && !Taken.Contains(name))
            {
                labels.TryAdd(name, value);
            }
        }
        return [.. labels.Select(label => new LabelPair { Name = label.Key, Value = label.Value })];
    }

    /// <summary>UTF-8 with a cut between characters where it is too long.</summary>
    public static string Value(string text)
    {
        // Also puts a replacement character for half a surrogate pair, which UTF-8 has no form for.
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int length = Math.Min(bytes.Length, MostValueBytes);
        while (length < bytes.Length && length > 0 && (bytes[length] & 0xC0) == 0x80)
            length--;
        return Encoding.UTF8.GetString(bytes, 0, length);
    }

    private static string LegalName(string key)
    {
        string name = string.Concat(key.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
        return name.Length > 0 && char.IsAsciiDigit(name[0]) ? "_" + name : name;
    }
}
