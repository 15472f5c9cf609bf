using DotnetPprof.Model;

namespace DotnetPprof.Emit;

/// <summary>Puts a profile on disk so that its path never holds half of one.</summary>
internal static class ProfileFile
{
    /// <summary>
    /// Writes to a temporary file beside <paramref name="path"/> and renames it there, over what was there before; where a
    /// symbolic link is there, to the file that it leads to.
    /// </summary>
    /// <exception cref="UserError">The path cannot be written (argument), or the disk is full or failing (tracing).</exception>
    public static void WriteAtomically(string path, Profile profile) =>
        WriteAtomically(path, output => PprofWriter.Write(profile, output));

    /// <summary>The same at this very path: a symbolic link is replaced, for somebody else may have put it there.</summary>
    /// <exception cref="UserError">As above.</exception>
    public static void WriteInPlace(string path, Profile profile) =>
        Explain(path, () => Put(path, output => PprofWriter.Write(profile, output)));

    /// <summary>Fails as <see cref="WriteAtomically(string, Profile)"/> would, before an hour of capture rather than after.</summary>
    /// <exception cref="UserError">The path cannot be written.</exception>
    public static void CheckWritable(string path) => Explain(path, () =>
    {
        string target = TargetOf(path);
        if (IsSpecial(target))
            return;
        string temporary = TemporaryBeside(target);
        using var probe = new FileStream(temporary, Exclusive(FileOptions.DeleteOnClose));
    });

    /// <summary>Whether a path leads to what cannot be replaced by a file, such as /dev/stdout.</summary>
    internal static bool IsDevice(string path)
    {
        bool device = false;
        Explain(path, () => device = IsSpecial(TargetOf(path)));
        return device;
    }

    internal static void WriteAtomically(string path, Action<Stream> write) => Explain(path, () =>
    {
        string target = TargetOf(path);
        if (IsSpecial(target))
        {
            using var device = new FileStream(target, FileMode.Open, FileAccess.Write);
            write(device);
            return;
        }
        Put(target, write);
    });

    private static void Put(string target, Action<Stream> write)
    {
        string temporary = TemporaryBeside(target);
        using var output = new FileStream(temporary, Exclusive(FileOptions.None));
        try
        {
            write(output);
            // Some file systems report a full disk only here.
            output.Flush(flushToDisk: true);
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Where a symbolic link leads: the link is to stay one.</summary>
    private static string TargetOf(string path)
    {
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full))
            throw new UserError(ExitCode.Argument, $"cannot write '{path}': it is a directory; name a file in it");
        return IsSpecial(full) || new FileInfo(full).LinkTarget is null
            ? full
            : File.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName;
    }

    /// <summary>/dev/stdout and the like are written to; a rename would replace the device itself.</summary>
    private static bool IsSpecial(string target) =>
        (target.StartsWith("/dev/", StringComparison.Ordinal) && !target.StartsWith("/dev/shm/", StringComparison.Ordinal))
        || target.StartsWith("/proc/", StringComparison.Ordinal);

    private static string TemporaryBeside(string target) =>
        Path.Join(Path.GetDirectoryName(target), $".dotnet-pprof-{Environment.ProcessId}-{Guid.NewGuid():N}.tmp");

    private static FileStreamOptions Exclusive(FileOptions options) =>
        new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = options };

    private static void Explain(string path, Action action)
    {
        try
        {
            action();
        }
        catch (UnauthorizedAccessException)
        {
            throw new UserError(ExitCode.Argument, $"cannot write '{path}': no permission; choose another place with --output");
        }
        catch (DirectoryNotFoundException)
        {
            throw new UserError(ExitCode.Argument, $"cannot write '{path}': its directory does not exist");
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or PathTooLongException)
        {
            throw new UserError(ExitCode.Argument, $"cannot write '{FileProblem.OneLine(path)}': {FileProblem.OneLine(e.Message)}");
        }
        catch (IOException e)
        {
            throw new UserError(ExitCode.Tracing, $"cannot write '{path}': {FileProblem.Of(e)}");
        }
    }
}
