using System.Globalization;
using System.Text;
using DotnetPprof.Interop;

namespace DotnetPprof.Session;

/// <summary>
/// What /proc tells about a process. A process can end between any two reads, so every read that can fail for that
/// reason gives null or nothing instead of throwing.
/// </summary>
internal static class ProcFs
{
    internal static bool Exists(int pid) => pid > 0 && Directory.Exists($"/proc/{pid}");

    /// <summary>Whether the id is a process's own: /proc answers for those of its other threads just as well.</summary>
    internal static bool IsProcess(int pid) => ProcTexts.Number(ReadText(pid, "status"), "Tgid:", 1) == (uint)pid;

    /// <summary>The arguments the process was started with, the program first; empty for one that is gone.</summary>
    internal static IReadOnlyList<string> CommandLine(int pid) => ProcTexts.Arguments(ReadText(pid, "cmdline"));

    /// <summary>The variables the process was started with; empty when they may not be read.</summary>
    internal static IReadOnlyDictionary<string, string> InitialEnvironment(int pid) => ProcTexts.Variables(ReadText(pid, "environ"));

    /// <summary>Its control groups, one a line, as the kernel shows them to this process; empty when they may not be read.</summary>
    internal static string ControlGroups(int pid) => ReadText(pid, "cgroup");

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

    /// <summary>The same, and that it is still the process that began then.</summary>
    internal static bool IsRunning(int pid, ulong startTime)
    {
        string[] fields = ProcTexts.StatFields(ReadText(pid, "stat"));
        return fields.Length > 19 && fields[0] is not ("Z" or "X") && fields[19] == startTime.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Whether it was stopped, by a signal or a debugger, and does nothing until it is continued.</summary>
    internal static bool IsStopped(int pid) => RunState(pid) is 'T' or 't';

    internal static int? Parent(int pid) => (int?)StatField(pid, 4);

    internal static uint? EffectiveUserId(int pid) => Owner(pid)?.User;

    /// <summary>The effective user and group; null for one that is gone.</summary>
    internal static (uint User, uint Group)? Owner(int pid) =>
        ProcTexts.Number(ReadText(pid, "status"), "Uid:", 2) is { } user && ProcTexts.Number(ReadText(pid, "status"), "Gid:", 2) is { } group ? (user, group) : null;

    /// <summary>The process's id in its own, innermost pid namespace.</summary>
    internal static int InnerPid(int pid) => (int?)ProcTexts.Number(ReadText(pid, "status"), "NSpid:", ProcTexts.Last) ?? pid;

    /// <summary>
    /// Descriptor numbers and what they point at, or null when this user may not look: the same right that opening
    /// the agent's region takes.
    /// </summary>
    internal static IReadOnlyList<(string Path, string Target)>? Descriptors(int pid)
    {
        string directory = $"/proc/{pid}/fd/";
        if (NumberedEntries.Of(directory) is not { } numbers) return null;
        var descriptors = new List<(string, string)>();
        foreach (int number in numbers)
        {
            string path = directory + number.ToString(CultureInfo.InvariantCulture);
            if (NumberedEntries.Target(path) is { } target) descriptors.Add((path, target));
        }

        // Some kernels and sandboxes let the list be read and none of what it lists.
        return descriptors.Count == 0 && numbers.Count > 0 ? null : descriptors;
    }

    /// <summary>Files mapped by the process, each once, or null when this user may not look.</summary>
    internal static IReadOnlyCollection<string>? MappedFiles(int pid)
    {
        try
        {
            return ProcTexts.Files(File.ReadLines($"/proc/{pid}/maps"));
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

    private static char RunState(int pid) => ProcTexts.StatFields(ReadText(pid, "stat")) is [[var state, ..], ..] ? state : '\0';

    private static ulong? StatField(int pid, int number) => ProcTexts.StatField(ReadText(pid, "stat"), number);

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
