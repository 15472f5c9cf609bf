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
internal sealed class NettraceEvents(RuntimeEventReader read, bool sorts)
{
    /// <summary>
    /// What is held at most: fifty targets may have a burst at once. The runtime writes a sequence point each 10 MB; where it has
    /// that much to tell without one, events of different threads may come out of order, each with its own time all the same.
    /// </summary>
    private const int MaxHeldBytes = 2 << 20;

    private const int MaxHeldEvents = 1 << 14;

    /// <summary>Places for events that are more than what comes in passing.</summary>
    private const int MuchRoom = 1 << 8;

    /// <summary>There are a few dozen.</summary>
    private const int MaxKinds = 1 << 14;

    private const int MaxThreads = 1 << 17;

    private readonly Dictionary<uint, EventKind> kinds = [];
    private readonly Dictionary<ulong, uint> sequences = [];
    private readonly PriorityQueue<(EventKind Kind, int Offset, int Length), (long Time, int Arrival)> held = new();
    private byte[] payloads = [];
    private int used;
    private int arrivals;

    /// <summary>Events that the runtime had no room for.</summary>
    public long Lost { get; private set; }

    /// <summary>Whether there are events that wait for others.</summary>
    public bool Holds => held.Count > 0;

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
            if (blob.IsSorted) ReadUntil(blob.Time);
            if (!kinds.TryGetValue(blob.MetadataId, out EventKind kind) || kind.Provider == EventProvider.Other) continue;
            if (!sorts || blob.IsSorted) read(new RuntimeEvent(kind, new MonotonicNanos(blob.Time), blob.Payload));
            else Hold(kind, blob.Time, blob.Payload);
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

    /// <summary>Hands on what is held, and keeps nothing of the room that it took.</summary>
    public void Flush()
    {
        ReadUntil(long.MaxValue);
        if (held.EnsureCapacity(0) > MuchRoom) held.TrimExcess();
        if (payloads.Length > 0) LargeBuffers.Pool.Return(payloads);
        payloads = [];
    }

    private void ReadUntil(long time)
    {
        while (held.TryPeek(out (EventKind Kind, int Offset, int Length) next, out (long Time, int Arrival) place) && place.Time <= time)
        {
            held.Dequeue();
            read(new RuntimeEvent(next.Kind, new MonotonicNanos(place.Time), payloads.AsSpan(next.Offset, next.Length)));
        }

        if (held.Count == 0) used = arrivals = 0;
    }

    private void Hold(EventKind kind, long time, ReadOnlySpan<byte> payload)
    {
        if (used > MaxHeldBytes - payload.Length || held.Count >= MaxHeldEvents) Flush();
        if (payloads.Length - used < payload.Length)
        {
            byte[] larger = LargeBuffers.Pool.Rent(Math.Max(used + payload.Length, payloads.Length * 2));
            payloads.AsSpan(0, used).CopyTo(larger);
            if (payloads.Length > 0) LargeBuffers.Pool.Return(payloads);
            payloads = larger;
        }

        payload.CopyTo(payloads.AsSpan(used));
        held.Enqueue((kind, used, payload.Length), (time, arrivals++));
        used += payload.Length;
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
