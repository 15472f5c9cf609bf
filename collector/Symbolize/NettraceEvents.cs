using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Puts the events of a nettrace stream in order. The runtime writes what it has thread by thread: within a thread in
/// order, and the first of each run of events is marked as older than all that follow. So an event is held until one is
/// marked that is younger, or the runtime has said that all before is complete.
/// </summary>
/// <param name="read">Called with those of the providers that are known.</param>
/// <param name="sorts">
/// Whether order between threads matters; where one thread sends all, as in a rundown, nothing need be held.
/// </param>
/// <param name="room">Where they are held; null for the process's own.</param>
internal sealed class NettraceEvents(RuntimeEventReader read, bool sorts, HeldEventRoom? room = null) : IDisposable
{
    /// <summary>There are a few dozen.</summary>
    private const int MaxKinds = 1 << 14;

    private const int MaxThreads = 1 << 17;

    private readonly Dictionary<uint, EventKind> kinds = [];
    private readonly Dictionary<ulong, uint> sequences = [];
    private readonly HeldEvents held = new(room ?? HeldEventRoom.Shared);

    /// <summary>Events that the runtime had no room for.</summary>
    public long Lost { get; private set; }

    /// <summary>Whether there are events that wait for others.</summary>
    public bool Holds => !held.IsEmpty;

    /// <summary>A block that tells what events are called from now on.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public void TakeKinds(ReadOnlySpan<byte> block)
    {
        for (NettraceBlocks.BlobReader blobs = NettraceBlocks.Blobs(block); blobs.MoveNext();)
        {
            (uint number, EventKind kind) = NettraceBlocks.Kind(blobs.Current.Payload);
            if (kinds.Count >= MaxKinds) throw new InvalidDataException("the runtime's event stream has more kinds of events than there are");
            kinds[number] = kind;
        }
    }

    /// <summary>A block of events.</summary>
    /// <exception cref="InvalidDataException">They are not all inside of it.</exception>
    public void Take(ReadOnlySpan<byte> block)
    {
        for (NettraceBlocks.BlobReader blobs = NettraceBlocks.Blobs(block); blobs.MoveNext();)
        {
            NettraceBlocks.Blob blob = blobs.Current;
            if (blob.MetadataId == 0) continue;
            Count(blob.CaptureThread, blob.Sequence - 1, blob.Sequence);
            if (blob.IsSorted) held.ReadUntil(new MonotonicNanos(blob.Time), read);
            if (!kinds.TryGetValue(blob.MetadataId, out EventKind kind) || kind.Provider == EventProvider.Other) continue;
            if (!sorts || blob.IsSorted) read(new RuntimeEvent(kind, new MonotonicNanos(blob.Time), blob.Payload));
            else Hold(kind, new MonotonicNanos(blob.Time), blob.Payload);
        }
    }

    /// <summary>A sequence point: all before is complete, and what each thread has sent is known.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public void TakeSequencePoint(ReadOnlySpan<byte> block)
    {
        Flush();
        List<(ulong Thread, uint Sequence)> threads = NettraceBlocks.Threads(block);
        foreach ((ulong thread, uint sequence) in threads) Count(thread, sequence, sequence);
        if (threads.Count == sequences.Count) return;

        // Those that are not named are gone.
        sequences.Clear();
        foreach ((ulong thread, uint sequence) in threads) sequences[thread] = sequence;
    }

    /// <summary>Hands on what is held.</summary>
    public void Flush() => held.ReadUntil(new MonotonicNanos(long.MaxValue), read);

    /// <summary>What is held is forgotten.</summary>
    public void Dispose() => held.Dispose();

    private void Hold(EventKind kind, MonotonicNanos time, ReadOnlySpan<byte> payload)
    {
        if (held.TryAdd(kind, time, payload)) return;
        Flush();
        if (!held.TryAdd(kind, time, payload)) read(new RuntimeEvent(kind, time, payload));
    }

    /// <param name="thread">The thread that sent it.</param>
    /// <param name="before">The number that its last event should have had.</param>
    /// <param name="now">The number that the next one is counted from.</param>
    private void Count(ulong thread, uint before, uint now)
    {
        if (sequences.TryGetValue(thread, out uint known)) Lost += Math.Max(0, (int)(before - known));
        else if (sequences.Count >= MaxThreads) sequences.Clear();
        sequences[thread] = now;
    }
}
