using System.Globalization;
using System.Text;

namespace DotnetPprof.Session;

/// <summary>
/// What /proc tells about a process. A process can end between any two reads, so every read that can fail for that
/// reason gives null or nothing instead of throwing.
/// </summary>
internal static class ProcFs
{
    internal static bool Exists(int pid) => pid > 0 && Directory.Exists($"/proc/{pid}");

    /// <summary>The arguments the process was started with, the program first; empty for one that is gone.</summary>
    internal static IReadOnlyList<string> CommandLine(int pid)
    {
        string text = ReadText(pid, "cmdline");
        return text.Length == 0 ? [] : text.TrimEnd('\0').Split('\0');
    }

    /// <summary>The variables the process was started with; empty when they may not be read.</summary>
    internal static IReadOnlyDictionary<string, string> InitialEnvironment(int pid)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string entry in ReadText(pid, "environ").Split('\0'))
        {
            int equals = entry.IndexOf('=');
            if (equals > 0) variables.TryAdd(entry[..equals], entry[(equals + 1)..]);
        }

        return variables;
    }

    /// <summary>The file being executed, without the kernel's mark for one that was deleted since.</summary>
    internal static string? Executable(int pid)
    {
        const string deleted = " (deleted)";
        string? target = LinkTarget($"/proc/{pid}/exe");
        return target is not null && target.EndsWith(deleted, StringComparison.Ordinal) ? target[..^deleted.Length] : target;
    }

    /// <summary>Clock ticks after boot at which the process began: with the pid, its identity.</summary>
    internal static ulong? StartTime(int pid) => StatField(pid, 22);

    /// <summary>Whether it exists and is not a zombie that waits for its parent.</summary>
    internal static bool IsRunning(int pid) => RunState(pid) is not ('\0' or 'Z' or 'X');

    /// <summary>Whether it was stopped, by a signal or a debugger, and does nothing until it is continued.</summary>
    internal static bool IsStopped(int pid) => RunState(pid) is 'T' or 't';

    internal static int? Parent(int pid) => (int?)StatField(pid, 4);

    internal static uint? EffectiveUserId(int pid)
    {
        foreach (string line in ReadText(pid, "status").Split('\n'))
        {
            if (!line.StartsWith("Uid:", StringComparison.Ordinal)) continue;
            string[] fields = line.Split('\t', StringSplitOptions.RemoveEmptyEntries);
            return fields.Length > 2 && uint.TryParse(fields[2], out uint id) ? id : null;
        }

        return null;
    }

    /// <summary>The process's id in its own, innermost pid namespace.</summary>
    internal static int InnerPid(int pid)
    {
        foreach (string line in ReadText(pid, "status").Split('\n'))
        {
            if (!line.StartsWith("NSpid:", StringComparison.Ordinal)) continue;
            string last = line.Split('\t', StringSplitOptions.RemoveEmptyEntries)[^1];
            return int.TryParse(last, out int inner) ? inner : pid;
        }

        return pid;
    }

    /// <summary>
    /// Descriptor numbers and what they point at, or null when this user may not look: the same right that opening
    /// the agent's region takes.
    /// </summary>
    internal static IReadOnlyList<(string Path, string Target)>? Descriptors(int pid)
    {
        try
        {
            string[] paths = Directory.GetFileSystemEntries($"/proc/{pid}/fd");
            var descriptors = new List<(string, string)>();
            foreach (string path in paths)
            {
                if (LinkTarget(path) is { } target) descriptors.Add((path, target));
            }

            // Some kernels and sandboxes let the list be read and none of what it lists.
            return descriptors.Count == 0 && paths.Length > 0 ? null : descriptors;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Files mapped by the process, each once, or null when this user may not look.</summary>
    internal static IReadOnlyCollection<string>? MappedFiles(int pid)
    {
        try
        {
            var files = new HashSet<string>(StringComparer.Ordinal);
            foreach (string line in File.ReadLines($"/proc/{pid}/maps"))
            {
                int slash = line.IndexOf('/');
                if (slash > 0) files.Add(line[slash..]);
            }

            return files;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static string? LinkTarget(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /* Field 3, after the name in parentheses; a zero for a process that is gone. */
    private static char RunState(int pid)
    {
        string stat = ReadText(pid, "stat");
        int end = stat.LastIndexOf(')');
        return end >= 0 && end + 2 < stat.Length ? stat[end + 2] : '\0';
    }

    private static ulong? StatField(int pid, int number)
    {
        string stat = ReadText(pid, "stat");
        // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
        int end = stat.LastIndexOf(')');
        if (end < 0) return null;
        string[] fields = stat[(end + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int index = number - 3;
        return index < fields.Length && ulong.TryParse(fields[index], CultureInfo.InvariantCulture, out ulong value) ? value : null;
    }

    private static string ReadText(int pid, string file)
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{pid}/{file}"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
