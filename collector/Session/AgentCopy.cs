using System.Security.Cryptography;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Session;

/// <summary>
/// Where a target finds the agent's library. One with file systems of its own (a container) is given a copy in a
/// directory that only its user enters; the copy is deleted once it was loaded, since the mapping keeps the file.
/// </summary>
internal sealed class AgentCopy : IDisposable
{
    /// <summary>Usual places that can be written, in the order in which they are tried.</summary>
    private static readonly string[] s_places = ["/tmp", "/var/tmp", "/dev/shm"];

    private readonly SafeFileHandle? place;
    private readonly SafeFileHandle? directory;
    private readonly string name = "";

    private AgentCopy(string path) => Path = path;

    private AgentCopy(string path, SafeFileHandle place, SafeFileHandle directory, string name)
        : this(path)
    {
        this.place = place;
        this.directory = directory;
        this.name = name;
    }

    /// <summary>As the target sees it.</summary>
    public string Path { get; }

    /// <exception cref="UserError">The target has no place for it.</exception>
    public static AgentCopy For(int pid, string agentPath)
    {
        if (SharesFiles(pid) || IsThere(pid, agentPath))
            return new AgentCopy(agentPath);
        foreach (string folder in s_places)
        {
            if (TryCopy(pid, agentPath, folder) is { } copy)
                return copy;
        }
        throw new UserError(
            ExitCode.Platform,
            $"process {pid} has file systems of its own, and the agent could not be copied to its {string.Join(", ", s_places)} ({TargetFiles.LastError}); mount {agentPath} there at the same path");
    }

    public void Dispose()
    {
        if (directory is null)
            return;
        TargetFiles.DeleteFile(directory, AgentVariables.AgentFile);
        TargetFiles.DeleteDirectory(place!, name);
        directory.Dispose();
        place!.Dispose();
    }

    private static bool SharesFiles(int pid) =>
        ProcFs.LinkTarget($"/proc/{pid}/ns/mnt") is not { } theirs ||
        (theirs == ProcFs.LinkTarget("/proc/self/ns/mnt") && ProcFs.LinkTarget($"/proc/{pid}/root") == ProcFs.LinkTarget("/proc/self/root"));

    /* The same file at the same path, as where this program is mounted into the container. */
    private static bool IsThere(int pid, string agentPath)
    {
        try
        {
            using var theirs = new FileStream(FileInterop.OpenRegular($"/proc/{pid}/root{agentPath}"), FileAccess.Read);
            using var ours = File.OpenRead(agentPath);
            return theirs.Length == ours.Length && SHA256.HashData(theirs).AsSpan().SequenceEqual(SHA256.HashData(ours));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static AgentCopy? TryCopy(int pid, string agentPath, string folder)
    {
        if (ProcFs.Owner(pid) is not var (user, group) || TargetFiles.OpenDirectory(pid, folder) is not { } place)
            return null;
        string name = $"dotnet-pprof-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
        if (TargetFiles.CreateDirectory(place, name) is not { } directory)
        {
            place.Dispose();
            return null;
        }
        var copy = new AgentCopy($"{folder}/{name}/{AgentVariables.AgentFile}", place, directory, name);
        if (Write(directory, agentPath, user, group))
            return copy;
        copy.Dispose();
        return null;
    }

    /// <summary>The directory is handed over last: until then nobody else can put anything into it.</summary>
    private static bool Write(SafeFileHandle directory, string agentPath, uint user, uint group)
    {
        if (TargetFiles.CreateFile(directory, AgentVariables.AgentFile) is not { } handle)
            return false;
        try
        {
            using (var file = new FileStream(handle, FileAccess.Write))
            {
                using (var library = File.OpenRead(agentPath))
                    library.CopyTo(file);
                file.Flush();
                if (!IsOurs(user) && !TargetFiles.ChangeOwner(handle, user, group))
                    return false;
            }
            return IsOurs(user) || TargetFiles.ChangeOwner(directory, user, group);
        }
        catch (IOException)
        {
            return false; /* no room */
        }
    }

    private static bool IsOurs(uint user) => user == ProcessInterop.EffectiveUserId();
}
