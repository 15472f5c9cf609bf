using System.Buffers.Binary;

namespace DotnetPprof.Symbolize;

/// <summary>
/// A nettrace stream (format version 4) on its way to the reader, whole objects at a time. The reader sorts events of
/// several threads and holds the last ones back until others follow: in a target that has become quiet, for ever; in one
/// that dies, for good. So when nothing arrives for a while, and at the end, a sequence point is put in between objects:
/// the reader takes it for the writer's word that all before it is complete. An object that the target's death cut off
/// is left out.
/// </summary>
/// <param name="inner">The session's stream.</param>
/// <param name="quiet">Called each time nothing had arrived for <see cref="QuietMillis"/>, after all before was handed on.</param>
internal sealed class NettraceStream(Stream inner, Action quiet) : Stream
{
    /// <summary>The runtime writes what it has every 100 ms; nothing in twice that time means it has nothing.</summary>
    public const int QuietMillis = 200;

    private const byte TagNull = 1;
    private const byte TagBegin = 5;
    private const byte TagEnd = 6;

    /// <summary>"Nettrace", then the length and text of "!FastSerialization.1".</summary>
    private const int PrologueBytes = 8 + 4 + 20;

    /// <summary>Two begin tags, a null tag, version, least version, length of the type's name.</summary>
    private const int ObjectHeaderBytes = 3 + 12;

    /// <summary>The one object that is no block: a date, clock readings, four numbers.</summary>
    private const int TraceObjectBytes = 48;

    private const int MaxBlockBytes = 64 << 20;

    private byte[] buffer = new byte[128 << 10];
    private int filled;
    private int taken;
    private int whole;
    private long position;
    private Task<int>? reading;
    private bool started;
    private bool unflushed;
    private bool asItComes;
    private bool ended;
    private byte[] inserted = [];
    private int insertedTaken;

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
        if (asItComes)
        {
            if (filled == 0 && !Fill(1)) return false;
            whole = filled;
            return true;
        }

        int length = started ? ObjectLength() : Fill(PrologueBytes) ? PrologueBytes : 0;
        started = true;
        if (asItComes || inserted.Length > insertedTaken) return true;
        if (length == 0 || !Fill(length)) return End();
        whole = length;
        unflushed = true;
        return true;
    }

    /// <summary>Length of the object that comes next; 0 at the end.</summary>
    private int ObjectLength()
    {
        while (filled == 0)
        {
            if (FillWithin(QuietMillis) is not { } more)
            {
                if (unflushed) return Insert(SequencePoint(position));
                quiet();
            }
            else if (!more)
            {
                return 0;
            }
        }

        if (buffer[0] == TagNull) return 0;
        if (!Fill(ObjectHeaderBytes)) return 0;
        int nameLength = Number(11);
        if (buffer[0] != TagBegin || buffer[1] != TagBegin || buffer[2] != TagNull || nameLength is < 1 or > 64) return PassOn();
        int content = ObjectHeaderBytes + nameLength + 1;
        if (!Fill(content + 4)) return 0;
        if (buffer.AsSpan(ObjectHeaderBytes, nameLength).SequenceEqual("Trace"u8)) return content + TraceObjectBytes + 1;
        int size = Number(content);
        if (size is < 0 or > MaxBlockBytes) return PassOn();
        return content + 4 + Padding(position + content + 4) + size + 1;
    }

    /// <summary>Not the format known here: the reader gets it as it is and says what it thinks of it.</summary>
    private int PassOn()
    {
        asItComes = true;
        whole = filled;
        return 0;
    }

    private bool End()
    {
        ended = true;
        if (!started) return false;

        // What is left in the buffer is an object cut off, or the null tag that ends a stream.
        filled = 0;
        Insert([.. SequencePoint(position), TagNull]);
        return true;
    }

    private int Insert(byte[] bytes)
    {
        inserted = bytes;
        insertedTaken = 0;
        unflushed = false;
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
            if (buffer.Length < count && reading is null) Array.Resize(ref buffer, Math.Max(count, buffer.Length * 2));
            if (FillWithin(Timeout.Infinite) is not true) return false;
        }

        return true;
    }

    /// <summary>Reads what comes next; false at the end, null when nothing came in time.</summary>
    private bool? FillWithin(int millis)
    {
        // A read that nothing came for stays under way: the buffer is not touched until it is done.
        reading ??= inner.ReadAsync(buffer, filled, buffer.Length - filled);
        try
        {
            if (!reading.Wait(millis)) return null;
        }
        catch (AggregateException e) when (e.InnerException is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The target died, or we hung up: the end, whatever was being sent.
            reading = Task.FromResult(0);
            return false;
        }

        int count = reading.Result;
        if (count <= 0) return false;
        reading = null;
        filled += count;
        return true;
    }
}
