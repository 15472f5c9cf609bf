using System.Buffers.Binary;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Takes a nettrace stream (format version 4) apart as it comes, whole objects at a time: one that the target's death cut
/// off is left out. Nothing in it is believed beyond what has come, and an object that no runtime writes ends it with
/// <see cref="InvalidDataException"/>.
/// </summary>
/// <param name="events">Gets the blocks; disposed with this.</param>
internal sealed class NettraceParser(NettraceEvents events) : IDisposable
{
    private const byte TagNull = 1;
    private const byte TagBegin = 5;

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

    private byte[] buffer = [];
    private int filled;
    private int taken;
    private long position;
    private bool started;
    private bool tracing;
    private bool ended;

    /// <summary>A name, then the length and text of another.</summary>
    private static ReadOnlySpan<byte> Prologue => "Nettrace\u0014\0\0\0!FastSerialization.1"u8;

    private ReadOnlySpan<byte> Rest => buffer.AsSpan(taken, filled - taken);

    /// <summary>Takes what has come; calls the events' reader with those that are whole.</summary>
    /// <exception cref="InvalidDataException">This is no such stream.</exception>
    public void Feed(ReadOnlySpan<byte> bytes)
    {
        if (ended) return;
        Append(bytes);
        while (Next())
        {
        }

        Rest.CopyTo(buffer);
        filled -= taken;
        taken = 0;
        if (ended) filled = 0;
        if (filled == 0) GiveBack();
    }

    /// <summary>Nothing has come for a while, or will: what waits for more is handed on as it is.</summary>
    public void Flush() => events.Flush();

    /// <summary>What has not been handed on is forgotten.</summary>
    public void Dispose()
    {
        GiveBack();
        filled = taken = 0;
        ended = true;
        events.Dispose();
    }

    /* By what has come, not by what is announced; and from a pool: arrays of this size are collected only with all the rest. */
    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (buffer.Length - filled < bytes.Length)
        {
            byte[] larger = LargeBuffers.Pool.Rent(Math.Max(filled + bytes.Length, buffer.Length * 2));
            buffer.AsSpan(0, filled).CopyTo(larger);
            if (buffer.Length > 0) LargeBuffers.Pool.Return(buffer);
            buffer = larger;
        }

        bytes.CopyTo(buffer.AsSpan(filled));
        filled += bytes.Length;
    }

    /// <summary>There may be fifty of these, and each is quiet most of the time.</summary>
    private void GiveBack()
    {
        if (buffer.Length > 0) LargeBuffers.Pool.Return(buffer);
        buffer = [];
    }

    /// <returns>Whether there was a whole object.</returns>
    private bool Next()
    {
        if (!started)
        {
            if (Rest.Length < PrologueBytes) return false;
            if (!Rest[..PrologueBytes].SequenceEqual(Prologue)) throw Unknown();
            started = true;
            Skip(PrologueBytes);
            return true;
        }

        if (Rest.IsEmpty || ended) return false;
        if (Rest[0] == TagNull)
        {
            ended = true;
            return false;
        }

        if (Rest.Length < ObjectHeaderBytes) return false;
        int nameLength = Number(NameLengthOffset);
        if (Rest[0] != TagBegin || Rest[1] != TagBegin || Rest[2] != TagNull || nameLength is < 1 or > 64) throw Unknown();
        int content = ObjectHeaderBytes + nameLength + 1;
        if (Rest.Length < content + 4) return false;
        ReadOnlySpan<byte> name = Rest.Slice(ObjectHeaderBytes, nameLength);
        if (name.SequenceEqual("Trace"u8)) return TakeTrace(content + TraceObjectBytes + 1);
        if (!tracing) throw Unknown();
        int size = Number(content);
        if (size is < 0 or > MaxBlockBytes) throw Unknown();
        int length = content + 4 + Padding(position + content + 4) + size + 1;
        if (Rest.Length < length) return false;
        Take(name, Rest.Slice(length - 1 - size, size));
        Skip(length);
        return true;
    }

    private bool TakeTrace(int length)
    {
        if (Rest.Length < length) return false;
        if (Number(VersionOffset) != TraceVersion) throw Unknown();
        tracing = true;
        Skip(length);
        return true;
    }

    private void Take(ReadOnlySpan<byte> name, ReadOnlySpan<byte> block)
    {
        if (name.SequenceEqual("EventBlock"u8)) events.Take(block);
        else if (name.SequenceEqual("MetadataBlock"u8)) events.TakeKinds(block);
        else if (name.SequenceEqual("SPBlock"u8)) events.TakeSequencePoint(block);
        else if (!name.SequenceEqual("StackBlock"u8)) throw Unknown();
    }

    private void Skip(int bytes)
    {
        taken += bytes;
        position += bytes;
    }

    private static InvalidDataException Unknown() => new("the runtime's event stream is of a form that is not known here");

    private static int Padding(long position) => (int)(-position & 3);

    private int Number(int offset) => BinaryPrimitives.ReadInt32LittleEndian(Rest[offset..]);
}
