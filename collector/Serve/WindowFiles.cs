using System.Text.RegularExpressions;
using DotnetPprof.Emit;
using DotnetPprof.Interop;
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
    /// <summary>Nobody is still writing a file that was not written to for as long: a write takes seconds.</summary>
    private static readonly TimeSpan s_longestWrite = TimeSpan.FromMinutes(5);

    private readonly string directory;
    private readonly TimeSpan keepFor;
    private readonly long keepBytes;
    private readonly ILogger<WindowFiles> log;
    private readonly FileList list;
    private readonly Lock gate = new();
    private readonly Dictionary<string, long> dropped = [];
    private readonly List<string> leftovers;
    private long delivered;
    private bool isFailing;
    private bool isStuck;

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
            leftovers = [.. Directory.EnumerateFiles(this.directory).Where(IsLeftover)];
            TellOfPredecessor();
            Tend();
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
        /* It may just have become too old. */
        return list.Contains(name) && FileInterop.TryOpenRegular(Path.Join(directory, name), followsLinks: false) is { } file
            ? new FileStream(file, FileAccess.Read)
            : null;
    }

    public Task TakeAsync(FinishedWindow window)
    {
        Write(window);
        Retain(DateTime.UtcNow);
        return Task.CompletedTask;
    }

    public void Begin() => list.Begin();

    /// <summary>Ends the list in good order: what comes after knows that nothing was lost.</summary>
    public void Complete() => list.Complete();

    /// <summary>Files grow old without windows too.</summary>
    public void Tend()
    {
        foreach (string path in leftovers.Where(path => DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > s_longestWrite).ToList())
        {
            TryDelete(path);
            leftovers.Remove(path);
        }
        Retain(DateTime.UtcNow);
    }

    public void Dispose() => list.Dispose();

    private void Write(FinishedWindow window)
    {
        string name = WindowName.Of(window);
        string path = Path.Join(directory, name);
        try
        {
            if (File.Exists(path) || new FileInfo(path).LinkTarget is not null)
            {
                Drop("name taken", $"there is a file '{path}' already");
                return;
            }
            /* In the list before in place: a file that nobody lists would stay for ever. */
            list.Add(name);
            ProfileFile.WriteInPlace(path, window.Profile with { Timed = null });
            list.SetSize(name, new FileInfo(path).Length);
            lock (gate)
                delivered++;
            if (isFailing)
                log.LogInformation("windows are written to {Directory} again", directory);
            isFailing = false;
        }
        catch (Exception e) when (e is UserError or IOException or UnauthorizedAccessException)
        {
            list.Forget(name);
            Drop("write failed", FileProblem.OneLine(e.Message));
        }
    }

    private void Drop(string reason, string message)
    {
        lock (gate)
            dropped[reason] = dropped.GetValueOrDefault(reason) + 1;
        /* Once, until it works again: the count goes on. */
        if (!isFailing)
            log.LogError("a window is lost: {Reason}; what was written before stays", message);
        isFailing = true;
    }

    /// <summary>Whether a predecessor may have left it half written. In another container its writer may be alive all the same.</summary>
    private static bool IsLeftover(string path) =>
        Temporary().Match(Path.GetFileName(path)) is { Success: true } match && int.TryParse(match.Groups[1].ValueSpan, out int pid) &&
        (pid == Environment.ProcessId || !ProcFs.Exists(pid));

    private void TellOfPredecessor()
    {
        if (list.EndedInGoodOrder)
            return;
        string until = list.Newest is { } newest ? $"; the last one kept began {newest:yyyy-MM-dd HH:mm:ss} UTC" : "";
        log.LogWarning("the program that wrote to {Directory} before was killed or ran out of time: the windows it was sampling are lost{Until}", directory, until);
    }

    private void Retain(DateTime now)
    {
        while (list.Oldest is { } oldest && (list.Bytes > keepBytes || now - oldest.Time > keepFor))
        {
            if (TryDelete(Path.Join(directory, oldest.Name)))
                list.Forget(oldest.Name);
            else
                list.SetAside(oldest.Name);
        }
    }

    private bool TryDelete(string path)
    {
        try
        {
            var file = new FileInfo(path);
            if (file is { Exists: true, LinkTarget: null })
                file.Delete();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!isStuck)
                log.LogWarning("'{File}' cannot be deleted: {Reason}; it stays, as does whatever else cannot", path, FileProblem.Of(e));
            isStuck = true;
            return false;
        }
    }

    /* As ProfileFile names them. */
    [GeneratedRegex(@"^\.dotnet-pprof-([0-9]{1,10})-[0-9a-f]{32}\.tmp$", RegexOptions.CultureInvariant)]
    private static partial Regex Temporary();
}
