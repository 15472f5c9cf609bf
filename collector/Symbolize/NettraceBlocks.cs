using System.Buffers.Binary;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Looks through blocks of a nettrace stream (microsoft/perfview, NetTraceFormat_v5.md) before the reader gets them. It
/// believes the counts that it finds in there and sets memory aside for them; here they must be borne out by what is in the
/// block.
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
        Length = 128,
    }

    /// <summary>Checks a block of events.</summary>
    /// <returns>How many there are.</returns>
    /// <exception cref="InvalidDataException">They are not all inside of it.</exception>
    public static int CheckEvents(Span<byte> block) => Check(block, null);

    /// <summary>Checks a block of stacks: the first one's number and how many, 4 bytes each; then each with its length, 4, before it.</summary>
    /// <returns>How many there are.</returns>
    /// <exception cref="InvalidDataException">They are not all inside of it.</exception>
    public static int CheckStacks(Span<byte> block)
    {
        var cursor = new Cursor(block);
        cursor.Take(8);
        int count = 0;
        for (; cursor.Left > 0; count++) cursor.Take(BinaryPrimitives.ReadInt32LittleEndian(cursor.Take(4)));
        return count;
    }

    /// <summary>
    /// Checks a block of metadata and takes the descriptions of fields out: only events are read whose fields are known,
    /// and types can be described to be inside each other without end.
    /// </summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static void TakeOutFields(Span<byte> block) => Check(block, TakeOutFieldsOfOne);

    private static int Check(Span<byte> block, Action<Span<byte>>? ofPayload)
    {
        var cursor = new Cursor(block);
        int header = BinaryPrimitives.ReadUInt16LittleEndian(cursor.Take(2)), flags = BinaryPrimitives.ReadUInt16LittleEndian(cursor.Take(2));
        if (header is < MinHeaderBytes or > MaxHeaderBytes || (flags & HeadersAreCompressed) == 0) throw Damaged();
        cursor.Take(header - 4);
        int payload = 0, count = 0;
        for (; cursor.Left > 0; count++)
        {
            var has = (Has)cursor.Take(1)[0];
            if (has.HasFlag(Has.MetadataId)) cursor.Varint(32);
            if (has.HasFlag(Has.CaptureThread))
            {
                cursor.Varint(32);
                cursor.Varint(64);
                cursor.Varint(32);
            }

            if (has.HasFlag(Has.Thread)) cursor.Varint(64);
            if (has.HasFlag(Has.Stack)) cursor.Varint(32);
            cursor.Varint(64);
            if (has.HasFlag(Has.Activity)) cursor.Take(ActivityBytes);
            if (has.HasFlag(Has.RelatedActivity)) cursor.Take(ActivityBytes);
            if (has.HasFlag(Has.Length)) payload = (int)Math.Min(cursor.Varint(32), int.MaxValue);
            Span<byte> bytes = cursor.Take(payload);
            ofPayload?.Invoke(bytes);
        }

        return count;
    }

    /// <summary>
    /// One event's metadata: its number, 4 bytes; the provider's name; the event's number, 4, its name, keywords, 8, version
    /// and level, 4 each; how many fields, 4, and what they are; then tags, each with its length, 4, and kind, 1.
    /// </summary>
    private static void TakeOutFieldsOfOne(Span<byte> metadata)
    {
        var cursor = new Cursor(metadata);
        cursor.Take(4);
        cursor.SkipText();
        cursor.Take(4);
        cursor.SkipText();
        cursor.Take(8 + 4 + 4);
        if (cursor.Left == 0) return;
        BinaryPrimitives.WriteInt32LittleEndian(cursor.Take(4), 0);
        if (cursor.Left == 0) return;

        // What there was becomes a tag of a kind that nobody knows.
        int length = cursor.Left - 5;
        if (length < 0) throw Damaged();
        BinaryPrimitives.WriteInt32LittleEndian(cursor.Take(4), length);
        cursor.Take(1)[0] = 0;
    }

    private static InvalidDataException Damaged() => new("a block of the runtime's event stream is damaged");

    /// <summary>What is left of a block; nothing is taken beyond its end.</summary>
    private ref struct Cursor(Span<byte> rest)
    {
        private Span<byte> rest = rest;

        public readonly int Left => rest.Length;

        public Span<byte> Take(int count)
        {
            if ((uint)count > (uint)rest.Length) throw Damaged();
            Span<byte> taken = rest[..count];
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

        /// <summary>UTF-16 up to a zero.</summary>
        public void SkipText()
        {
            for (Span<byte> unit = Take(2); (unit[0] | unit[1]) != 0; unit = Take(2))
            {
            }
        }
    }
}
