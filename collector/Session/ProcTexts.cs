using System.Globalization;

namespace DotnetPprof.Session;

/// <summary>
/// The texts of /proc/PID (proc(5)). Some of what is in them is the process's own: its name, arguments and environment.
/// </summary>
internal static class ProcTexts
{
    /// <summary>Of <see cref="Number"/>: whichever stands last.</summary>
    internal const int Last = -1;

    /// <summary>cmdline: the program first; empty for a process that is gone.</summary>
    internal static IReadOnlyList<string> Arguments(string text) => text.Length == 0 ? [] : text.TrimEnd('\0').Split('\0');

    /// <summary>environ: of a name that is there twice, the first value.</summary>
    internal static IReadOnlyDictionary<string, string> Variables(string text)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string entry in text.Split('\0'))
        {
            int equals = entry.IndexOf('=');
            if (equals > 0) variables.TryAdd(entry[..equals], entry[(equals + 1)..]);
        }

        return variables;
    }

    /// <summary>status: a number of the line that begins with <paramref name="kind"/>; null when there is none.</summary>
    /// <param name="text">All of it.</param>
    /// <param name="kind">With its colon.</param>
    /// <param name="place">From 1, or <see cref="Last"/>.</param>
    internal static uint? Number(string text, string kind, int place)
    {
        foreach (string line in text.Split('\n'))
        {
            if (!line.StartsWith(kind, StringComparison.Ordinal)) continue;
            string[] fields = line[kind.Length..].Split('\t', StringSplitOptions.RemoveEmptyEntries);
            int index = place == Last ? fields.Length - 1 : place - 1;
            return index >= 0 && index < fields.Length && uint.TryParse(fields[index], NumberStyles.None, CultureInfo.InvariantCulture, out uint number) ? number : null;
        }

        return null;
    }

    /// <summary>stat, a field by proc(5)'s number, from 3; null when there is none.</summary>
    internal static ulong? StatField(string text, int number)
    {
        string[] fields = StatFields(text);
        int index = number - 3;
        return index < fields.Length && ulong.TryParse(fields[index], NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;
    }

    /// <summary>stat, from field 3 on: the second is the program's name in parentheses and may itself hold spaces and parentheses.</summary>
    internal static string[] StatFields(string text) => text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>maps: the paths in it, each once.</summary>
    internal static IReadOnlyCollection<string> Files(IEnumerable<string> lines)
    {
        var files = new HashSet<string>(StringComparer.Ordinal);
        foreach (string line in lines)
        {
            int slash = line.IndexOf('/');
            if (slash > 0) files.Add(line[slash..]);
        }

        return files;
    }
}
