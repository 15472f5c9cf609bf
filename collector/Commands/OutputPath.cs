using DotnetPprof.Emit;
using DotnetPprof.Model;

namespace DotnetPprof.Commands;

/// <summary>Where a profile goes.</summary>
internal static class OutputPath
{
    internal const string Extension = ".pb.gz";

    /// <summary>NAME_yyyyMMdd_HHmmss.pb.gz in the current directory.</summary>
    internal static string Default(string name, DateTime now)
    {
        var safe = name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '_').ToArray();
        string stem = new string(safe).TrimStart('.', '-');
        return $"{(stem.Length == 0 ? "process" : stem)}_{now:yyyyMMdd_HHmmss}{Extension}";
    }

    /// <summary>The same path with the pid before the extension, for one of several profiles.</summary>
    internal static string WithPid(string path, int pid) => ProfileParts.Numbered(path, pid);

    /// <summary>Fails now rather than after an hour of sampling.</summary>
    internal static void CheckWritable(string path)
    {
        string full = Path.GetFullPath(path);
        string folder = Folder(path);
        if (Directory.Exists(full)) throw Unwritable(path, "it is a directory");
        if (!Directory.Exists(folder)) throw Unwritable(path, $"there is no directory '{folder}'");
        // The finished profile is moved into place, which would put a file where a device was.
        if (full.StartsWith("/dev/", StringComparison.Ordinal) || full.StartsWith("/proc/", StringComparison.Ordinal)) throw Unwritable(path, "it is not a regular file");
        string probe = Path.Combine(folder, $".dotnet-pprof-{Environment.ProcessId}.tmp");
        try
        {
            using var file = new FileStream(probe, FileMode.Create, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(path, error is UnauthorizedAccessException ? $"no permission to create files in '{folder}'" : error.Message);
        }
    }

    /// <summary>The directory of a path, for what is put beside it.</summary>
    internal static string Folder(string path) => Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";

    private static UserError Unwritable(string path, string why) => new(ExitCode.Argument, $"cannot write '{path}': {why}");
}
