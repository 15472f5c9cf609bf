using DotnetPprof.Interop;
using DotnetPprof.Model;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Upload;

/// <summary>
/// A directory that is this user's alone and this process's for as long as it lives. Files in it are reached through
/// the opened directory, so that nobody can put another in its place.
/// </summary>
internal sealed class QueueDirectory : IDisposable
{
    private const string LockName = "lock";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const uint ForOthers = 0x3F; // the permissions of group and others, 077

    private readonly SafeFileHandle directory;
    private readonly FileStream held;

    private QueueDirectory(SafeFileHandle directory, FileStream held)
    {
        this.directory = directory;
        this.held = held;
    }

    /// <summary>Where queues are kept when nothing else is said: where systemd says, or this user's place for state.</summary>
    public static string DefaultRoot()
    {
        if (Environment.GetEnvironmentVariable("STATE_DIRECTORY") is { Length: > 0 } state)
            return Path.Join(state.Split(':')[0], "upload");
        if (ProcessInterop.EffectiveUserId() == 0)
            return "/var/lib/dotnet-pprof/upload";
        string? home = Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } given
            ? given
            : Path.Join(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".local/state");
        return Path.Join(home, "dotnet-pprof/upload");
    }

    /// <summary>Makes it where it is not there.</summary>
    /// <exception cref="UserError">It cannot be made, is not this user's alone, or another process uses it.</exception>
    public static QueueDirectory Open(string path)
    {
        const string mend = "set STATE_DIRECTORY to a directory of your own";
        try
        {
            Directory.CreateDirectory(path, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError(ExitCode.Argument, $"cannot make the upload queue '{path}': {FileProblem.Of(e)}; {mend}");
        }

        SafeFileHandle directory = FileInterop.OpenDirectory(path)
            ?? throw new UserError(ExitCode.Argument, $"cannot use the upload queue '{path}': it is a link or no directory, or not readable; {mend}");
        try
        {
            if (FileInterop.StatusOf(directory) is not { } status || status.UserId != ProcessInterop.EffectiveUserId() || (status.Mode & ForOthers) != 0)
                throw new UserError(ExitCode.Argument, $"cannot use the upload queue '{path}': others may use it too; chmod 700 and chown it, or {mend}");
            return new QueueDirectory(directory, Hold(directory));
        }
        catch (IOException)
        {
            directory.Dispose();
            throw new UserError(ExitCode.Argument, $"cannot use the upload queue '{path}': another dotnet-pprof uses it; {mend}");
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    public string PathOf(string name) => PathIn(directory, name);

    /// <summary>Names of the regular files in it.</summary>
    public IEnumerable<string> Names() =>
        new DirectoryInfo(PathOf("")).EnumerateFiles()
            .Where(file => file.LinkTarget is null && file.Name != LockName)
            .Select(file => file.Name);

    public void Dispose()
    {
        held.Dispose();
        directory.Dispose();
    }

    /// <summary>The kernel lets go of it however this process ends.</summary>
    private static FileStream Hold(SafeFileHandle directory) => new(PathIn(directory, LockName), new FileStreamOptions
    {
        Mode = FileMode.OpenOrCreate,
        Access = FileAccess.ReadWrite,
        Share = FileShare.None,
        BufferSize = 0,
    });

    private static string PathIn(SafeFileHandle directory, string name) => $"/proc/self/fd/{directory.DangerousGetHandle()}/{name}";
}
