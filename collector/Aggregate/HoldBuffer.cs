using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>A sample whose stack is known by number: 32 bytes, where <see cref="SettledSample"/> has 56.</summary>
/// <param name="Thread">Index of the thread within the capture.</param>
/// <param name="Stack">Number of the stack; the owner says in which table.</param>
/// <param name="Time">When it was taken.</param>
/// <param name="Count">Stack samples it stands for.</param>
/// <param name="CpuNanos">CPU time it stands for.</param>
internal readonly record struct NumberedSample(int Thread, int Stack, Ticks Time, long Count, long CpuNanos);

/// <summary>
/// A first-in-first-out of samples that stays compact: chunks of structs, used again once released. A sample is due
/// once the clock given to <see cref="Mark"/> has moved on by the delay since it was added.
/// </summary>
/// <param name="delayNanos">How long a sample is held.</param>
/// <param name="capacity">Samples held at most; beyond it the oldest are due at once.</param>
internal sealed class HoldBuffer(long delayNanos, int capacity)
{
    /// <summary>16 KiB: small enough for a program that holds samples of many targets.</summary>
    private const int ChunkSize = 512;

    private readonly Queue<NumberedSample[]> chunks = new();
    private readonly Queue<(long AddedBefore, long Now)> marks = new();
    private readonly Stack<NumberedSample[]> spare = new();
    private NumberedSample[] tail = [];
    private long added;
    private long released;
    private long due;
    private long marked;

    public long Count => added - released;

    /// <summary>Samples that were due because there were too many, before their code's history was known.</summary>
    public long ReleasedEarly { get; private set; }

    public void Add(in NumberedSample sample)
    {
        int slot = (int)(added % ChunkSize);
        if (slot == 0)
            chunks.Enqueue(tail = spare.TryPop(out NumberedSample[]? used) ? used : new NumberedSample[ChunkSize]);
        tail[slot] = sample;
        added++;
        if (added - due > capacity)
        {
            ReleasedEarly += added - capacity - due;
            due = added - capacity;
        }
    }

    /// <summary>States that all samples so far were added before <paramref name="now"/>.</summary>
    public void Mark(MonotonicNanos now)
    {
        while (marks.TryPeek(out (long AddedBefore, long Now) mark) && now.Value - mark.Now >= delayNanos)
        {
            due = Math.Max(due, mark.AddedBefore);
            marks.Dequeue();
        }
        if (added == marked)
            return;
        marked = added;
        marks.Enqueue((added, now.Value));
    }

    /// <summary>Makes everything due; nothing comes any more.</summary>
    public void MarkAllDue()
    {
        marks.Clear();
        due = added;
    }

    /// <summary>Gives back the memory of samples that were taken.</summary>
    public void Trim() => spare.Clear();

    /// <summary>Takes the oldest samples that are due, as many as lie together in memory.</summary>
    /// <returns>Empty when none is due; valid until the next call of <see cref="Add"/>.</returns>
    public ReadOnlySpan<NumberedSample> TakeDue()
    {
        if (released == due)
            return [];
        int slot = (int)(released % ChunkSize);
        int length = (int)Math.Min(ChunkSize - slot, due - released);
        NumberedSample[] chunk = chunks.Peek();
        released += length;
        if (slot + length == ChunkSize)
            spare.Push(chunks.Dequeue());
        return chunk.AsSpan(slot, length);
    }
}
