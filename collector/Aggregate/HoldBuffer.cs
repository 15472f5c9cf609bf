using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>
/// A first-in-first-out of samples that stays compact: chunks of structs, used again once released. A sample is due
/// once the clock given to <see cref="Mark"/> has moved on by the delay since it was added.
/// </summary>
/// <param name="delayNanos">How long a sample is held.</param>
/// <param name="capacity">Samples held at most; beyond it the oldest are due at once.</param>
internal sealed class HoldBuffer(long delayNanos, int capacity)
{
    private const int ChunkSize = 8192;

    private readonly Queue<SettledSample[]> chunks = new();
    private readonly Queue<(long AddedBefore, long Now)> marks = new();
    private readonly Stack<SettledSample[]> spare = new();
    private SettledSample[] tail = [];
    private long added;
    private long released;
    private long due;
    private long marked;

    public long Count => added - released;

    /// <summary>Samples that were due because there were too many, before their code's history was known.</summary>
    public long ReleasedEarly { get; private set; }

    public void Add(in SettledSample sample)
    {
        int slot = (int)(added % ChunkSize);
        if (slot == 0)
            chunks.Enqueue(tail = spare.TryPop(out SettledSample[]? used) ? used : new SettledSample[ChunkSize]);
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

    /// <summary>Makes everything due.</summary>
    public void MarkAllDue()
    {
        marks.Clear();
        due = added;
    }

    public bool TryTakeDue(out SettledSample sample)
    {
        if (released == due)
        {
            sample = default;
            return false;
        }
        int slot = (int)(released % ChunkSize);
        sample = chunks.Peek()[slot];
        released++;
        if (slot == ChunkSize - 1)
            spare.Push(chunks.Dequeue());
        return true;
    }
}
