using System.Text;
using DotnetPprof.Model;

namespace DotnetPprof.Serve;

/// <summary>A window's file.</summary>
internal readonly record struct ListedFile(string Name, DateTime Time, long Bytes);

/// <summary>
/// The files that were written to a directory and are still kept, in a file of its own there: one name a line, a "-" in
/// front of one that is gone, and a last line that says that nothing follows. The file is locked while it is in use.
/// </summary>
internal sealed class FileList : IDisposable
{
    internal const string FileName = ".dotnet-pprof-windows";
    private const string Begin = "#windows written by dotnet-pprof, which deletes those that are named here";
    private const string End = "#end";

    private readonly Lock gate = new();
    private readonly FileStream file;
    private readonly SortedSet<ListedFile> files = new(Comparer<ListedFile>.Create((left, right) =>
        left.Time != right.Time ? left.Time.CompareTo(right.Time) : string.CompareOrdinal(left.Name, right.Name)));
    private readonly Dictionary<string, ListedFile> byName = new(StringComparer.Ordinal);
    private int lines;
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
        if (new FileInfo(path).LinkTarget is not null)
            throw new IOException($"'{path}' is a symbolic link");
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new UserError(ExitCode.Argument, $"another dotnet-pprof writes its windows to '{directory}'; choose another directory");
        }
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
                if (lines > 2 * (files.Count + 1000))
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

    public void Dispose()
    {
        lock (gate)
        {
            if (isDisposed)
                return;
            isDisposed = true;
            try
            {
                Append(End);
            }
            catch (IOException)
            {
                /* The next start will say that something may be lost, which is as well. */
            }
            file.Dispose();
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

    /* In place, because the lock is on this file: cut short by a crash it loses only names, whose files then stay. */
    private void Rewrite()
    {
        file.SetLength(0);
        lines = 0;
        Append(Begin);
        foreach (ListedFile listed in files)
            Append(listed.Name);
    }

    private void Append(string line)
    {
        file.Seek(0, SeekOrigin.End);
        file.Write(Encoding.UTF8.GetBytes(line + "\n"));
        file.Flush();
        lines++;
    }

    private void Keep(string name, long bytes)
    {
        var listed = new ListedFile(name, WindowName.TimeIn(name) ?? throw new ArgumentException(name), bytes);
        byName[name] = listed;
        files.Add(listed);
        Bytes += bytes;
    }

    private bool Drop(string name)
    {
        if (!byName.Remove(name, out ListedFile listed))
            return false;
        files.Remove(listed);
        Bytes -= listed.Bytes;
        return true;
    }
}
