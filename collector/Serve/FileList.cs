using System.Text;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Serve;

/// <summary>A window's file.</summary>
internal readonly record struct ListedFile(string Name, DateTime Time, long Bytes);

/// <summary>
/// The files that were written to a directory and are still kept, in a file of its own there: one name a line, a "-" in
/// front of one that is gone, and a last line that says that nothing follows and nothing is missing. The file is locked
/// while it is in use.
/// </summary>
internal sealed class FileList : IDisposable
{
    internal const string FileName = ".dotnet-pprof-windows";
    private const string Head = "#windows written by dotnet-pprof, which deletes those that are named here";
    private const string End = "#end";

    private readonly Lock gate = new();
    private readonly FileStream file;
    private readonly SortedSet<ListedFile> files = new(Comparer<ListedFile>.Create((left, right) =>
        left.Time != right.Time ? left.Time.CompareTo(right.Time) : string.CompareOrdinal(left.Name, right.Name)));

    /* Those too that were set aside. */
    private readonly Dictionary<string, ListedFile> byName = new(StringComparer.Ordinal);
    private int lines;
    private volatile bool isOpenEnded;
    private bool isDisposed;

    private FileList(FileStream file) => this.file = file;

    /// <summary>Whether whoever wrote it last had nothing left to write; true for a new list.</summary>
    public bool EndedInGoodOrder { get; private set; } = true;

    public long Bytes { get; private set; }

    public ListedFile? Oldest
    {
        get
        {
            lock (gate)
                return files.Count == 0 ? null : files.Min;
        }
    }

    public DateTime? Newest
    {
        get
        {
            lock (gate)
                return files.Count == 0 ? null : files.Max.Time;
        }
    }

    /// <exception cref="UserError">Another program has it open.</exception>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public static FileList Open(string directory)
    {
        string path = Path.Join(directory, FileName);
        SafeFileHandle opened = FileInterop.OpenLocked(path)
            ?? throw new UserError(ExitCode.Argument, $"another dotnet-pprof writes its windows to '{directory}'; choose another directory");
        /* Unbuffered: what a full disk refuses would stay in the buffer, and be refused once more when it is closed. */
        var file = new FileStream(opened, FileAccess.ReadWrite, bufferSize: 0);
        var list = new FileList(file);
        try
        {
            list.Read(directory);
            list.Rewrite();
            return list;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public bool Contains(string name)
    {
        lock (gate)
            return byName.ContainsKey(name);
    }

    /// <summary>A file that is about to be written; its size is not known yet.</summary>
    /// <param name="name">See <see cref="WindowName"/>.</param>
    public void Add(string name)
    {
        lock (gate)
        {
            isOpenEnded = true;
            Drop(name);
            Keep(name, 0);
            Append(name);
        }
    }

    public void SetSize(string name, long bytes)
    {
        lock (gate)
        {
            Drop(name);
            Keep(name, bytes);
        }
    }

    /// <summary>A file that is gone, or never came to be.</summary>
    public void Forget(string name)
    {
        lock (gate)
        {
            if (!Drop(name))
                return;
            try
            {
                if (lines > 2 * (byName.Count + 1000))
                    Rewrite();
                else
                    Append("-" + name);
            }
            catch (IOException)
            {
                /* A full disk. The next start finds that there is no such file. */
            }
        }
    }

    /// <summary>A file that cannot be deleted: it stays in the list and is not the oldest any more, until the next start.</summary>
    public void SetAside(string name)
    {
        lock (gate)
        {
            if (Drop(name, out ListedFile listed))
                byName[name] = listed with { Bytes = 0 };
        }
    }

    /// <summary>From now on the list has no good end until <see cref="Complete"/>.</summary>
    public void Begin() => isOpenEnded = true; // without the lock, which may be waiting for a disk

    /// <summary>Nothing is missing, and nothing will be added.</summary>
    public void Complete()
    {
        lock (gate)
        {
            isOpenEnded = false;
            EndedInGoodOrder = true;
        }
        Dispose();
    }

    /// <summary>Where nothing was begun, the list ends as it did before.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (isDisposed)
                return;
            isDisposed = true;
            using (file)
            {
                try
                {
                    if (EndedInGoodOrder && !isOpenEnded)
                        Append(End);
                }
                catch (IOException)
                {
                    /* The next start will say that something may be lost, which is as well. */
                }
            }
        }
    }

    private void Read(string directory)
    {
        string[] all = new StreamReader(file, Encoding.UTF8, leaveOpen: true).ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        EndedInGoodOrder = all.Length == 0 || all[^1] == End;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (string line in all)
        {
            if (line.StartsWith('-'))
                names.Remove(line[1..]);
            else
                names.Add(line);
        }
        foreach (string name in names)
        {
            var found = new FileInfo(Path.Join(directory, name));
            if (WindowName.TimeIn(name) is not null && found is { Exists: true, LinkTarget: null })
                Keep(name, found.Length);
        }
    }

    /*
     * In place, because the lock is on this file, and over what is there, which a full disk has room for: what is longer
     * than that is written first, and where it does not fit the old list stays; what is shorter is filled up with empty
     * lines. Cut short by a crash it loses only names, whose files then stay.
     */
    private void Rewrite()
    {
        string text = string.Concat(byName.Keys.Prepend(Head).Select(line => line + "\n"));
        int before = checked((int)file.Length);
        byte[] bytes = Encoding.UTF8.GetBytes(text.PadRight(before, '\n'));
        if (bytes.Length > before)
            Append(bytes.AsSpan(before));
        file.Seek(0, SeekOrigin.Begin);
        file.Write(bytes, 0, before);
        file.SetLength(text.Length);
        lines = byName.Count + 1;
    }

    private void Append(string line)
    {
        Append(Encoding.UTF8.GetBytes(line + "\n"));
        lines++;
    }

    private void Append(ReadOnlySpan<byte> text)
    {
        long before = file.Seek(0, SeekOrigin.End);
        try
        {
            file.Write(text);
        }
        catch (IOException)
        {
            /* Half a name would spoil the one that follows it. */
            file.SetLength(before);
            throw;
        }
    }

    private void Keep(string name, long bytes)
    {
        var listed = new ListedFile(name, WindowName.TimeIn(name) ?? throw new ArgumentException(name), bytes);
        byName[name] = listed;
        files.Add(listed);
        Bytes += bytes;
    }

    private bool Drop(string name) => Drop(name, out _);

    private bool Drop(string name, out ListedFile listed)
    {
        if (!byName.Remove(name, out listed))
            return false;
        files.Remove(listed);
        Bytes -= listed.Bytes;
        return true;
    }
}
