using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace DotnetPprof.Symbolize;

/// <summary>
/// The blocks of a nettrace stream, format version 4 (microsoft/perfview, NetTraceFormat_v5.md). What they say of their
/// lengths must be borne out by what is in them.
/// </summary>
internal static class NettraceBlocks
{
    private const int MinHeaderBytes = 20;
    private const int MaxHeaderBytes = 1024;
    private const int HeadersAreCompressed = 1;
    private const int ActivityBytes = 16;

    /// <summary>What a compressed event header has, by its first byte.</summary>
    [Flags]
    private enum Has : byte
    {
        MetadataId = 1,
        CaptureThread = 2,
        Thread = 4,
        Stack = 8,
        Activity = 16,
        RelatedActivity = 32,
        IsSorted = 64,
        Length = 128,
    }

    /// <summary>An event of a block.</summary>
    internal ref struct Blob
    {
        /// <summary>What the stream calls its kind; 0 for the description of one.</summary>
        public uint MetadataId;

        /// <summary>Counts the events of its thread, those that were lost among them.</summary>
        public uint Sequence;

        public ulong CaptureThread;

        /// <summary>Ticks of the stream's clock.</summary>
        public long Time;

        /// <summary>Whether no event that comes later in the stream is older.</summary>
        public bool IsSorted;

        public ReadOnlySpan<byte> Payload;
    }

    /// <exception cref="InvalidDataException">What is asked for is not all inside of the block.</exception>
    public static BlobReader Blobs(ReadOnlySpan<byte> block)
    {
        var cursor = new Cursor(block);
        int header = BinaryPrimitives.ReadUInt16LittleEndian(cursor.Take(2)), flags = BinaryPrimitives.ReadUInt16LittleEndian(cursor.Take(2));
        if (header is < MinHeaderBytes or > MaxHeaderBytes || (flags & HeadersAreCompressed) == 0) throw Damaged();
        cursor.Take(header - 4);
        return new BlobReader(cursor);
    }

    /// <summary>
    /// What a stream calls an event's kind: its number, 4 bytes; the provider's name; the event's number, 4, its name,
    /// keywords, 8, and version, 4. What its fields are follows and is not read: only events are whose fields are known.
    /// </summary>
    /// <exception cref="InvalidDataException">It is shorter.</exception>
    public static (uint Number, EventKind Kind) Kind(ReadOnlySpan<byte> metadata)
    {
        var cursor = new Cursor(metadata);
        uint number = BinaryPrimitives.ReadUInt32LittleEndian(cursor.Take(4));
        EventProvider provider = cursor.Text() switch
        {
            "Microsoft-Windows-DotNETRuntime" => EventProvider.Runtime,
            "Microsoft-Windows-DotNETRuntimeRundown" => EventProvider.Rundown,
            "Microsoft-Windows-DotNETRuntimePrivate" => EventProvider.Private,
            _ => EventProvider.Other,
        };
        int id = BinaryPrimitives.ReadInt32LittleEndian(cursor.Take(4));
        cursor.Text();
        cursor.Take(8);
        return (number, new EventKind(provider, id, BinaryPrimitives.ReadInt32LittleEndian(cursor.Take(4))));
    }

    /// <summary>A sequence point: its time, 8 bytes; how many threads, 4; of each its id, 8, and the number of its last event, 4.</summary>
    /// <exception cref="InvalidDataException">It is shorter.</exception>
    public static List<(ulong CaptureThread, uint Sequence)> Threads(ReadOnlySpan<byte> block)
    {
        var cursor = new Cursor(block);
        cursor.Take(8);
        int count = BinaryPrimitives.ReadInt32LittleEndian(cursor.Take(4));
        var threads = new List<(ulong, uint)>();
        for (; count > 0; count--) threads.Add((BinaryPrimitives.ReadUInt64LittleEndian(cursor.Take(8)), BinaryPrimitives.ReadUInt32LittleEndian(cursor.Take(4))));
        return threads;
    }

    private static InvalidDataException Damaged() => new("a block of the runtime's event stream is damaged");

    /// <summary>Goes through a block's events; what a header leaves out is as in the one before.</summary>
    internal ref struct BlobReader(Cursor cursor)
    {
        private Cursor cursor = cursor;
        private int payload;
        private Blob current;

        public readonly Blob Current => current;

        /// <exception cref="InvalidDataException">The next one is not all inside of the block.</exception>
        public bool MoveNext()
        {
            if (cursor.Left == 0) return false;
            var has = (Has)cursor.Take(1)[0];
            if ((has & Has.MetadataId) != 0) current.MetadataId = (uint)cursor.Varint(32);
            if ((has & Has.CaptureThread) != 0)
            {
                current.Sequence += (uint)cursor.Varint(32);
                current.CaptureThread = cursor.Varint(64);
                cursor.Varint(32);
            }

            if (current.MetadataId != 0) current.Sequence++;
            if ((has & Has.Thread) != 0) cursor.Varint(64);
            if ((has & Has.Stack) != 0) cursor.Varint(32);
            current.Time += (long)cursor.Varint(64);
            if ((has & Has.Activity) != 0) cursor.Take(ActivityBytes);
            if ((has & Has.RelatedActivity) != 0) cursor.Take(ActivityBytes);
            current.IsSorted = (has & Has.IsSorted) != 0;
            if ((has & Has.Length) != 0) payload = (int)Math.Min(cursor.Varint(32), int.MaxValue);
            current.Payload = cursor.Take(payload);
            return true;
        }
    }

    /// <summary>What is left of a block; nothing is taken beyond its end.</summary>
    internal ref struct Cursor(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> rest = rest;

        public readonly int Left => rest.Length;

        public ReadOnlySpan<byte> Take(int count)
        {
            if ((uint)count > (uint)rest.Length) throw Damaged();
            ReadOnlySpan<byte> taken = rest[..count];
            rest = rest[count..];
            return taken;
        }

        /// <summary>Seven bits a byte, the lowest first; no more than a number of so many bits has.</summary>
        public ulong Varint(int bits)
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte next = Take(1)[0];
                if (shift + 7 > bits && next >> (bits - shift) != 0) throw Damaged();
                value |= (ulong)(next & 0x7f) << shift;
                if ((next & 0x80) == 0) return value;
            }
        }

        /// <summary>UTF-16 up to a zero, which is taken too.</summary>
        public ReadOnlySpan<char> Text()
        {
            ReadOnlySpan<char> units = MemoryMarshal.Cast<byte, char>(rest);
            int length = units.IndexOf('\0');
            if (length < 0) throw Damaged();
            Take((length + 1) * sizeof(char));
            return units[..length];
        }
    }
}
