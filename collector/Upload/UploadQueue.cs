using DotnetPprof.Model;
using Microsoft.Extensions.Logging;

namespace DotnetPprof.Upload;

/// <summary>A window that waits in the queue.</summary>
/// <param name="sequence">Later ones have larger numbers.</param>
/// <param name="bytes">What it takes of the queue.</param>
internal sealed class QueuedWindow(long sequence, long bytes)
{
    public long Sequence { get; } = sequence;

    public long Bytes { get; } = bytes;

    /// <summary>Its first messages that the receiver has; known to this process alone, so a restart sends them again.</summary>
    public int PartsDone { get; set; }
}

/// <summary>
/// Windows on their way to one receiver, on disk, so that they outlive this process. It never holds more than it may:
/// the oldest make room, and are counted. One thread adds, one takes; anybody asks for the account.
/// </summary>
internal sealed class UploadQueue : IDisposable
{
    private const long BlockBytes = 4096;

    private readonly Lock gate = new();
    private readonly QueueDirectory directory;
    private readonly long mostBytes;
    private readonly ILogger log;
    private readonly SemaphoreSlim added = new(0);
    private readonly long recovered;

    // Guarded by the gate.
    private readonly SortedList<long, QueuedWindow> waiting = [];
    private readonly long[] dropped = new long[Enum.GetValues<DropReason>().Length];
    private QueuedWindow? taken;
    private long nextSequence;
    private long bytes;
    private long made;
    private long delivered;
    private long retries;
    private int writing;

    /// <param name="directory">Its files; disposed with it.</param>
    /// <param name="mostBytes">What it may take on disk.</param>
    /// <param name="log">Told of every window that is lost.</param>
    public UploadQueue(QueueDirectory directory, long mostBytes, ILogger log)
    {
        this.directory = directory;
        this.mostBytes = mostBytes;
        this.log = log;
        foreach (string name in directory.Names().ToList())
        {
            if (QueueFile.IsTemporary(name))
                TryDelete(name);
            else if (QueueFile.SequenceOf(name) is { } sequence)
                waiting.Add(sequence, new QueuedWindow(sequence, Rounded(new FileInfo(directory.PathOf(name)).Length)));
        }
        recovered = waiting.Count;
        nextSequence = waiting.Count == 0 ? 1 : waiting.GetKeyAtIndex(waiting.Count - 1) + 1;
        bytes = waiting.Values.Sum(window => window.Bytes);
        MakeRoom(0);
    }

    public UploadAccount Account
    {
        get
        {
            lock (gate)
            {
                return new UploadAccount(
                    made, recovered, delivered, waiting.Count + writing, bytes,
                    Enum.GetValues<DropReason>().ToDictionary(reason => reason, reason => dropped[(int)reason]), retries);
            }
        }
    }

    /// <summary>Puts a window into the queue, or counts why not. Takes as long as the disk does, never longer.</summary>
    public void Add(IReadOnlyList<byte[]> messages)
    {
        byte[] packed = QueueFile.Pack(messages);
        long size = Rounded(packed.Length);
        long sequence;
        lock (gate)
        {
            made++;
            if (size > mostBytes)
            {
                Lost(DropReason.TooLarge, "it is larger than the queue may be");
                return;
            }
            if (!MakeRoom(size))
            {
                Lost(DropReason.QueueFull, "the queue is full");
                return;
            }
            sequence = nextSequence++;
            bytes += size;
            writing++;
        }

        string? problem = Write(sequence, packed);
        lock (gate)
        {
            writing--;
            if (problem is not null)
            {
                bytes -= size;
                Lost(DropReason.Disk, problem);
                return;
            }
            waiting.Add(sequence, new QueuedWindow(sequence, size));
        }
        added.Release();
    }

    /// <summary>
    /// The next window to send, which stays in the queue until it is said what became of it: the oldest that comes
    /// after <paramref name="after"/>, or else the oldest of all, so that one that always fails holds up nobody.
    /// </summary>
    /// <returns>Null when there is none.</returns>
    public QueuedWindow? Take(long after)
    {
        lock (gate)
        {
            taken = waiting.Values.FirstOrDefault(window => window.Sequence > after) ?? waiting.Values.FirstOrDefault();
            return taken;
        }
    }

    /// <summary>Until a window is added. May come back without one.</summary>
    public Task WaitAsync(CancellationToken cancel) => added.WaitAsync(cancel);

    /// <returns>Its messages; null when the file cannot be read, and then it is dropped.</returns>
    public IReadOnlyList<byte[]>? Read(QueuedWindow window)
    {
        try
        {
            return QueueFile.Unpack(File.ReadAllBytes(directory.PathOf(QueueFile.NameOf(window.Sequence))));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            Drop(window, DropReason.Disk, $"it cannot be read back: {FileProblem.Of(e)}");
            return null;
        }
    }

    public void Delivered(QueuedWindow window)
    {
        lock (gate)
        {
            delivered++;
            Remove(window);
        }
    }

    /// <summary>It stays where it is, for another time.</summary>
    public void Keep(QueuedWindow window)
    {
        lock (gate)
        {
            retries++;
            taken = null;
        }
    }

    public void Drop(QueuedWindow window, DropReason reason, string why)
    {
        lock (gate)
        {
            Remove(window);
            Lost(reason, why);
        }
    }

    public void Dispose()
    {
        directory.Dispose();
        added.Dispose();
    }

    /// <summary>Drops the oldest until there is room. The one that is being sent stays: it may well arrive.</summary>
    private bool MakeRoom(long size)
    {
        while (bytes + size > mostBytes)
        {
            if (waiting.Values.FirstOrDefault(window => window != taken) is not { } oldest)
                return false;
            Remove(oldest);
            Lost(DropReason.QueueFull, "the queue is full and it was the oldest");
        }
        return true;
    }

    private void Remove(QueuedWindow window)
    {
        if (taken == window)
            taken = null;
        waiting.Remove(window.Sequence);
        bytes -= window.Bytes;
        TryDelete(QueueFile.NameOf(window.Sequence));
    }

    private void Lost(DropReason reason, string why)
    {
        // A receiver that is away for long loses one a minute for every process: the first says enough.
        if (dropped[(int)reason]++ == 0)
            log.LogWarning("A window was not uploaded: {Why}. Later ones are only counted", why);
    }

    /// <returns>What went wrong; null when it is there, whole.</returns>
    private string? Write(long sequence, byte[] packed)
    {
        string temporary = directory.PathOf(QueueFile.TemporaryOf(sequence));
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(packed);
                // Or a power cut could leave the name without the contents.
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, directory.PathOf(QueueFile.NameOf(sequence)));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(QueueFile.TemporaryOf(sequence));
            return $"the queue cannot be written: {FileProblem.Of(e)}";
        }
    }

    private void TryDelete(string name)
    {
        try
        {
            File.Delete(directory.PathOf(name));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.LogWarning("Cannot delete {Name} from the upload queue: {Why}", name, FileProblem.Of(e));
        }
    }

    private static long Rounded(long length) => (length + BlockBytes - 1) / BlockBytes * BlockBytes;
}
