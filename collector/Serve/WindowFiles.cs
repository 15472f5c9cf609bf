using System.Text.RegularExpressions;
using DotnetPprof.Emit;
using DotnetPprof.Model;
using DotnetPprof.Session;
using Microsoft.Extensions.Logging;

namespace DotnetPprof.Serve;

/// <summary>
/// Puts windows in a directory as pprof files, each whole or not there, and takes the oldest away again when they are too
/// old or too many. Only what stands in this directory's list (<see cref="FileList"/>) under a name that is made here is
/// ever deleted, and symbolic links are not followed. One program at a time writes to a directory.
/// </summary>
internal sealed partial class WindowFiles : IWindowSink, IDisposable
{
    private readonly string directory;
    private readonly TimeSpan keepFor;
    private readonly long keepBytes;
    private readonly ILogger<WindowFiles> log;
    private readonly FileList list;
    private readonly Lock gate = new();
    private readonly Dictionary<string, long> dropped = [];
    private long delivered;
    private bool isFailing;

    /// <exception cref="UserError">The directory cannot be used, or another program uses it.</exception>
    public WindowFiles(string directory, TimeSpan keepFor, long keepBytes, ILogger<WindowFiles> log)
    {
        this.directory = Path.GetFullPath(directory);
        this.keepFor = keepFor;
        this.keepBytes = keepBytes;
        this.log = log;
        try
        {
            Directory.CreateDirectory(this.directory);
            list = FileList.Open(this.directory);
            CleanUpAfterPredecessor();
            Retain(DateTime.UtcNow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError(ExitCode.Argument, $"windows cannot be put into '{directory}': {FileProblem.Of(e)}");
        }
    }

    public string Name => "files";

    public SinkAccount Account
    {
        get
        {
            lock (gate)
                return new SinkAccount(delivered, 0, new Dictionary<string, long>(dropped));
        }
    }

    /// <summary>Bytes of all files kept.</summary>
    public long Bytes => list.Bytes;

    /// <summary>The file of a window that is still kept, or null: nothing else in the directory is given out.</summary>
    public FileStream? OpenRead(string name)
    {
        if (!list.Contains(name))
            return null;
        var file = new FileInfo(Path.Join(directory, name));
        return file is { Exists: true, LinkTarget: null } ? file.OpenRead() : null;
    }

    public Task TakeAsync(FinishedWindow window, CancellationToken stopping)
    {
        string name = WindowName.Of(window);
        string path = Path.Join(directory, name);
        try
        {
            if (File.Exists(path) || new FileInfo(path).LinkTarget is not null)
            {
                Drop("name taken", $"there is a file '{path}' already");
                return Task.CompletedTask;
            }
            /* In the list before in place: a file that nobody lists would stay for ever. */
            list.Add(name);
            ProfileFile.WriteAtomically(path, window.Profile with { Timed = null });
            list.SetSize(name, new FileInfo(path).Length);
            lock (gate)
                delivered++;
            if (isFailing)
                log.LogInformation("windows are written to {Directory} again", directory);
            isFailing = false;
            Retain(DateTime.UtcNow);
        }
        catch (Exception e) when (e is UserError or IOException or UnauthorizedAccessException)
        {
            list.Forget(name);
            Drop("write failed", FileProblem.OneLine(e.Message));
        }
        return Task.CompletedTask;
    }

    /// <summary>Ends the list in good order: what comes after knows that nothing was lost.</summary>
    public void Dispose() => list.Dispose();

    private void Drop(string reason, string message)
    {
        lock (gate)
            dropped[reason] = dropped.GetValueOrDefault(reason) + 1;
        /* Once, until it works again: the count goes on. */
        if (!isFailing)
            log.LogError("a window is lost: {Reason}; what was written before stays", message);
        isFailing = true;
    }

    private void CleanUpAfterPredecessor()
    {
        foreach (string path in Directory.EnumerateFiles(directory))
        {
            if (Temporary().Match(Path.GetFileName(path)) is { Success: true } match && int.TryParse(match.Groups[1].ValueSpan, out int pid) &&
                (pid == Environment.ProcessId || !ProcFs.Exists(pid)) && new FileInfo(path).LinkTarget is null)
            {
                File.Delete(path);
            }
        }
        if (list.EndedInGoodOrder)
            return;
        string until = list.Newest is { } newest ? $"; the last one kept began {newest:yyyy-MM-dd HH:mm:ss} UTC" : "";
        log.LogWarning("the program that wrote to {Directory} before was killed: the windows it was sampling are lost{Until}", directory, until);
    }

    private void Retain(DateTime now)
    {
        while (list.Oldest is { } oldest && (list.Bytes > keepBytes || now - oldest.Time > keepFor))
        {
            var file = new FileInfo(Path.Join(directory, oldest.Name));
            if (file is { Exists: true, LinkTarget: null })
                file.Delete();
            list.Forget(oldest.Name);
        }
    }

    /* As ProfileFile names them. */
    [GeneratedRegex(@"^\.dotnet-pprof-([0-9]{1,10})-[0-9a-f]{32}\.tmp$", RegexOptions.CultureInvariant)]
    private static partial Regex Temporary();
}
