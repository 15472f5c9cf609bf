using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Events that wait for older ones. They come in runs that are in order, a few at a time, and are merged by their times;
/// those of one time stay as they came. Nothing of the room that they took is kept when all have been read.
/// </summary>
/// <param name="room">Shared with the streams of other targets.</param>
internal sealed class HeldEvents(HeldEventRoom room) : IDisposable
{
    private const int SegmentBytes = 1 << 15;
    private const int SegmentsKept = 32;

    /// <summary>Of the room: one stream is not to leave others none.</summary>
    private const int MostBytes = 4 << 20;

    /// <summary>There is one each time that another thread's events come; those that come with falling times are a run each.</summary>
    private const int MostRuns = 1 << 11;

    /// <summary>Places for runs that stay.</summary>
    private const int FewRuns = 1 << 7;

    private static readonly int s_headerBytes = Unsafe.SizeOf<Header>();

    /* Small enough to be collected soon, and few are: fifty targets may have a burst at once. */
    private static readonly ArrayPool<byte> s_segments = ArrayPool<byte>.Create(SegmentBytes, SegmentsKept);

    private readonly List<Segment> segments = [];
    private readonly PriorityQueue<Run, (long Time, int Number)> runs = new();
    private Run? latest;
    private int begun;
    private int taken;

    public bool IsEmpty => runs.Count == 0;

    /// <returns>False where there is no room: those that are here are to be read first.</returns>
    public bool TryAdd(EventKind kind, MonotonicNanos time, ReadOnlySpan<byte> payload)
    {
        if (runs.Count >= MostRuns) return false;
        int needed = s_headerBytes + payload.Length;
        if (segments.Count == 0 || segments[^1].Bytes.Length - segments[^1].Filled < needed)
        {
            int size = Math.Max(SegmentBytes, needed);
            if (taken + size > MostBytes || !room.TryTake(size)) return false;
            taken += size;
            segments.Add(new Segment(s_segments.Rent(size)));
        }

        Segment last = segments[^1];
        int at = last.Filled;
        MemoryMarshal.Write(last.Bytes.AsSpan(at), new Header(time.Value, kind, payload.Length));
        payload.CopyTo(last.Bytes.AsSpan(at + s_headerBytes));
        last.Filled += needed;
        if (latest is { Left: > 0 } run && run.LastTime <= time.Value)
        {
            run.Left++;
        }
        else
        {
            latest = run = new Run(begun++, segments.Count - 1, at);
            runs.Enqueue(run, (time.Value, run.Number));
        }

        run.LastTime = time.Value;
        return true;
    }

    /// <summary>Hands on all that are not younger than a time, the oldest first.</summary>
    public void ReadUntil(MonotonicNanos time, RuntimeEventReader read)
    {
        while (runs.TryPeek(out Run? run, out (long Time, int Number) oldest) && oldest.Time <= time.Value)
        {
            runs.Dequeue();
            (long Time, int Number) other = runs.TryPeek(out _, out (long, int) next) ? next : (long.MaxValue, int.MaxValue);
            do
            {
                ReadOne(run, read);
                if (run.Left > 0) oldest.Time = HeaderOf(run).Time;
            }
            while (run.Left > 0 && oldest.Time <= time.Value && oldest.CompareTo(other) < 0);
            if (run.Left > 0) runs.Enqueue(run, oldest);
        }

        if (IsEmpty) Clear();
    }

    /// <summary>What is left is forgotten.</summary>
    public void Dispose() => Clear();

    private void ReadOne(Run run, RuntimeEventReader read)
    {
        Segment segment = segments[run.Segment];
        Header header = HeaderOf(run);
        read(new RuntimeEvent(header.Kind, new MonotonicNanos(header.Time), segment.Bytes.AsSpan(run.At + s_headerBytes, header.Length)));
        run.At += s_headerBytes + header.Length;
        run.Left--;
        if (run.At < segment.Filled) return;
        run.Segment++;
        run.At = 0;
    }

    private Header HeaderOf(Run run) => MemoryMarshal.Read<Header>(segments[run.Segment].Bytes.AsSpan(run.At));

    private void Clear()
    {
        runs.Clear();
        if (runs.EnsureCapacity(0) > FewRuns) runs.TrimExcess();
        latest = null;
        begun = 0;
        foreach (Segment segment in segments) s_segments.Return(segment.Bytes);
        segments.Clear();
        room.Give(taken);
        taken = 0;
    }

    private readonly record struct Header(long Time, EventKind Kind, int Length);

    /// <param name="bytes">Headers and payloads, none cut in two.</param>
    private sealed class Segment(byte[] bytes)
    {
        public byte[] Bytes { get; } = bytes;

        public int Filled { get; set; }
    }

    /// <summary>Events that came one after the other, none older than the one before.</summary>
    private sealed class Run(int number, int segment, int at)
    {
        /// <summary>Counts them in the order they came.</summary>
        public int Number { get; } = number;

        /// <summary>Where the next one to be read is.</summary>
        public int Segment { get; set; } = segment;

        public int At { get; set; } = at;

        public int Left { get; set; } = 1;

        public long LastTime { get; set; }
    }
}
