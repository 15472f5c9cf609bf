using System.Buffers;
using System.Buffers.Binary;

namespace DotnetPprof.Symbolize;

/// <summary>
/// A nettrace stream (format version 4) on its way to the reader, whole objects at a time. The reader sorts events of
/// several threads and holds the last ones back until others follow: in a target that has become quiet, for ever; in one
/// that dies, for good. So when nothing arrives for a while, and at the end, a sequence point is put in between objects:
/// the reader takes it for the writer's word that all before it is complete. So it does when more has come without one than
/// the reader should hold. An object that the target's death cut off is left out.
/// <para>
/// The reader trusts what it reads; so objects are looked through first (<see cref="NettraceBlocks"/>), and reading ends with
/// <see cref="InvalidDataException"/> at one that no runtime writes.
/// </para>
/// </summary>
internal sealed class NettraceStream : Stream
{
    /// <summary>The runtime writes what it has every 100 ms; nothing in twice that time means it has nothing.</summary>
    public const int QuietMillis = 200;

    private const byte TagNull = 1;
    private const byte TagBegin = 5;
    private const byte TagEnd = 6;

    private const int PrologueBytes = 8 + 4 + 20;

    /// <summary>Two begin tags, a null tag, version, least version, length of the type's name.</summary>
    private const int ObjectHeaderBytes = 3 + 12;

    private const int VersionOffset = 3;
    private const int NameLengthOffset = 11;

    /// <summary>The one object that is no block: a date, clock readings, four numbers.</summary>
    private const int TraceObjectBytes = 48;

    private const int TraceVersion = 4;

    /// <summary>The runtime begins another block at 100 KiB; only a sequence point, 12 bytes for each thread, can be longer.</summary>
    private const int MaxBlockBytes = 1 << 20;

    /// <summary>What the reader has to hold until a sequence point. The runtime writes one each 10 MB.</summary>
    private const int MaxHeldBytes = 32 << 20;

    private const int MaxHeldEvents = 250_000;

    /// <summary>A name, then the length and text of another.</summary>
    private static ReadOnlySpan<byte> Prologue => "Nettrace\u0014\0\0\0!FastSerialization.1"u8;

    private readonly Stream inner;
    private readonly Action wake;
    private readonly object gate = new(); // to be waited at
    private readonly byte[] arrived = new byte[16 << 10];
    private byte[] buffer = [];
    private int filled;
    private int taken;
    private int whole;
    private long position;
    private Task<int>? reading;
    private Task<int>? awaited;
    private bool started;
    private bool tracing;
    private bool unflushed;
    private bool ended;
    private int heldBytes;
    private int heldEvents;
    private byte[] inserted = [];
    private int insertedTaken;

    /// <param name="inner">The session's stream.</param>
    public NettraceStream(Stream inner)
    {
        this.inner = inner;
        wake = () =>
        {
            lock (gate) Monitor.Pulse(gate);
        };
    }

    /// <summary>Whether the reader has got what a stream begins with; from then on it is given whole objects alone.</summary>
    public bool HasBegun => tracing;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => position; set => throw new NotSupportedException(); }

    public override int Read(byte[] into, int offset, int count) => Read(into.AsSpan(offset, count));

    public override int Read(Span<byte> into)
    {
        if (into.IsEmpty) return 0;
        while (insertedTaken == inserted.Length && taken == whole)
        {
            if (!Next()) return 0;
        }

        ReadOnlySpan<byte> from = insertedTaken < inserted.Length ? inserted.AsSpan(insertedTaken) : buffer.AsSpan(taken, whole - taken);
        int count = Math.Min(into.Length, from.Length);
        from[..count].CopyTo(into);
        if (insertedTaken < inserted.Length) insertedTaken += count;
        else taken += count;
        position += count;
        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] from, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Makes the next object, or an inserted one, ready; false at the end.</summary>
    private bool Next()
    {
        if (ended) return false;
        buffer.AsSpan(whole, filled - whole).CopyTo(buffer);
        filled -= whole;
        taken = whole = 0;
        if (heldBytes > MaxHeldBytes || heldEvents > MaxHeldEvents)
        {
            Insert(SequencePoint(position));
            return true;
        }

        int length = started ? ObjectLength() : Fill(PrologueBytes) ? PrologueBytes : 0;
        if (inserted.Length > insertedTaken) return true;
        if (length == 0 || !Fill(length)) return End();
        if (started) Check(length);
        else if (!buffer.AsSpan(0, PrologueBytes).SequenceEqual(Prologue)) throw Unknown();
        started = true;
        whole = length;
        unflushed = true;
        return true;
    }

    /// <summary>A whole object at the buffer's beginning.</summary>
    private void Check(int length)
    {
        Span<byte> name = buffer.AsSpan(ObjectHeaderBytes, Number(NameLengthOffset));
        if (name.SequenceEqual("Trace"u8))
        {
            if (Number(VersionOffset) != TraceVersion) throw Unknown();
            tracing = true;
            return;
        }

        if (!tracing) throw Unknown();
        int size = Number(ObjectHeaderBytes + name.Length + 1);
        Span<byte> block = buffer.AsSpan(length - 1 - size, size);
        heldBytes += size;
        if (name.SequenceEqual("EventBlock"u8)) heldEvents += NettraceBlocks.CheckEvents(block);
        else if (name.SequenceEqual("MetadataBlock"u8)) NettraceBlocks.TakeOutFields(block);
        else if (name.SequenceEqual("StackBlock"u8)) heldEvents += NettraceBlocks.CheckStacks(block);
        else if (name.SequenceEqual("SPBlock"u8)) heldBytes = heldEvents = 0;
        else throw Unknown();
    }

    private static InvalidDataException Unknown() => new("the runtime's event stream is of a form that is not known here");

    /// <summary>Length of the object that comes next; 0 at the end.</summary>
    private int ObjectLength()
    {
        while (filled == 0)
        {
            // After that there is nothing to hand on until something comes: a quiet target costs nothing.
            if (FillWithin(unflushed ? QuietMillis : Timeout.Infinite) is not { } more)
            {
                // And it keeps nothing of what a burst took: there may be fifty of these.
                GiveBack();
                return Insert(SequencePoint(position));
            }

            if (!more) return 0;
        }

        if (buffer[0] == TagNull) return 0;
        if (!Fill(ObjectHeaderBytes)) return 0;
        int nameLength = Number(NameLengthOffset);
        if (buffer[0] != TagBegin || buffer[1] != TagBegin || buffer[2] != TagNull || nameLength is < 1 or > 64) throw Unknown();
        int content = ObjectHeaderBytes + nameLength + 1;
        if (!Fill(content + 4)) return 0;
        if (buffer.AsSpan(ObjectHeaderBytes, nameLength).SequenceEqual("Trace"u8)) return content + TraceObjectBytes + 1;
        int size = Number(content);
        if (size is < 0 or > MaxBlockBytes) throw Unknown();
        return content + 4 + Padding(position + content + 4) + size + 1;
    }

    private bool End()
    {
        ended = true;
        if (!tracing) return false;

        // What is left in the buffer is an object cut off, or the null tag that ends a stream.
        filled = 0;
        GiveBack();
        Insert([.. SequencePoint(position), TagNull]);
        return true;
    }

    private int Insert(byte[] bytes)
    {
        inserted = bytes;
        insertedTaken = 0;
        unflushed = false;
        heldBytes = heldEvents = 0;
        return 0;
    }

    /// <summary>
    /// A sequence point of no threads at a position of the stream. Blocks are aligned to 4 bytes in the stream, so that
    /// what is inserted must be a multiple of 4 long: bytes behind its content make it so.
    /// </summary>
    private static byte[] SequencePoint(long position)
    {
        byte[] head = [TagBegin, TagBegin, TagNull, 2, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, .. "SPBlock"u8, TagEnd];
        int padding = Padding(position + head.Length + 4);
        int rest = Padding(head.Length + 4 + padding + 12 + 1);
        byte[] bytes = new byte[head.Length + 4 + padding + 12 + rest + 1];
        head.CopyTo(bytes, 0);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(head.Length), 12 + rest);
        bytes[^1] = TagEnd;
        return bytes;
    }

    private static int Padding(long position) => (int)(-position & 3);

    private int Number(int offset) => BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(offset));

    private bool Fill(int count)
    {
        while (filled < count)
        {
            if (FillWithin(Timeout.Infinite) is not true) return false;
        }

        return true;
    }

    /// <summary>Reads what comes next; false at the end, null when nothing came in time.</summary>
    private bool? FillWithin(int millis)
    {
        // A read that nothing came for stays under way: for hours, so it has a small buffer of its own.
        reading ??= inner.ReadAsync(arrived, 0, arrived.Length);
        if (!Await(reading, millis)) return null;
        int count;
        try
        {
            count = reading.GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The target died, or we hung up: the end, whatever was being sent.
            reading = Task.FromResult(0);
            return false;
        }

        if (count <= 0) return false;
        reading = null;

        // By what has come, not by what is announced.
        if (buffer.Length - filled < count) Grow(filled + count);
        arrived.AsSpan(0, count).CopyTo(buffer.AsSpan(filled));
        filled += count;
        return true;
    }

    /* Task.Wait looks again and again before it sleeps, at what comes from another process: here hardly ever in time. */
    private bool Await(Task<int> read, int millis)
    {
        if (read.IsCompleted) return true;
        if (!ReferenceEquals(read, awaited))
        {
            awaited = read;
            read.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(wake);
        }

        lock (gate) return read.IsCompleted || Monitor.Wait(gate, millis) || read.IsCompleted;
    }

    /* From a pool: arrays of this size are collected only with all the rest, and each attach takes some. */
    private void Grow(int bytes)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(bytes);
        buffer.AsSpan(0, filled).CopyTo(larger);
        int kept = filled;
        GiveBack();
        (buffer, filled) = (larger, kept);
    }

    /// <summary>Forgets what is in the buffer, and the buffer.</summary>
    private void GiveBack()
    {
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
        filled = 0;
    }
}
