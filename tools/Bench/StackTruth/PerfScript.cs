using System.Globalization;
using System.Text.RegularExpressions;

namespace DotnetPprof.Bench.StackTruth;

/// <summary>
/// Reads what <c>perf script -F tid,ip,sym,dso</c> prints: a line with the thread, one "ADDRESS SYMBOL (FILE)" for each frame
/// from the innermost, and an empty line.
/// </summary>
internal static partial class PerfScript
{
    private const string Unknown = "[unknown] (";

    internal static IEnumerable<SampledStack> Read(IEnumerable<string> lines)
    {
        var names = new Dictionary<string, string?>();
        int? tid = null;
        List<string?> frames = [];
        foreach (string line in lines)
        {
            ReadOnlySpan<char> text = line.AsSpan().Trim();
            if (text.IsEmpty)
            {
                if (tid is { } of)
                    yield return new SampledStack(of, 1, 1, frames);
                (tid, frames) = (null, []);
            }
            else if (tid is null)
            {
                tid = int.Parse(text, CultureInfo.InvariantCulture);
            }
            else if (text.IndexOf(' ') is var space and > 0)
            {
                string place = text[(space + 1)..].ToString();
                if (!names.TryGetValue(place, out string? name))
                    names.Add(place, name = NameOf(place));
                frames.Add(name);
            }
        }
        if (tid is { } last)
            yield return new SampledStack(last, 1, 1, frames);
    }

    /// <summary>
    /// Of a symbol and its file. In the runtime's perf map a method is "int64 [Assembly] Namespace.Type+Nested::Method(int64)[Optimized]".
    /// </summary>
    private static string? NameOf(string place)
    {
        if (place.StartsWith(Unknown, StringComparison.Ordinal))
            return Path.GetFileName(place[Unknown.Length..^1]) is var file && file.Contains(".so", StringComparison.Ordinal) ? file + "!" : null;
        Match method = Method().Match(place);
        return method.Success ? $"{method.Groups[1].Value.Replace('+', '.')}.{method.Groups[2].Value}" : place[..place.LastIndexOf(" (", StringComparison.Ordinal)];
    }

    [GeneratedRegex(@"\[[^\]]+\] (\S+)::([^\s(]+)\(")]
    private static partial Regex Method();
}
