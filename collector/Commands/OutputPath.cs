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
        string folder = Folder(path);
        if (Directory.Exists(path)) throw Unwritable(path, "it is a directory");
        if (!Directory.Exists(folder)) throw Unwritable(path, $"there is no directory '{folder}'");
        try
        {
            if (ProfileFile.IsDevice(path)) throw Unwritable(path, "it is not a regular file");
            ProfileFile.CheckWritable(path);
        }
        catch (UserError error) when (error.Code != ExitCode.Argument)
        {
            // Before anything was sampled it is a matter of the path.
            throw new UserError(ExitCode.Argument, error.Message);
        }
    }

    /// <summary>The directory of a path, for what is put beside it.</summary>
    internal static string Folder(string path) => Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";

    private static UserError Unwritable(string path, string why) => new(ExitCode.Argument, $"cannot write '{path}': {why}");
}
