using System.Buffers.Binary;

namespace DotnetPprof.Report;

/// <summary>
/// Walks the fields of one protobuf message without building objects, so that a hostile file costs no more memory than
/// its bytes. Every read is bounded by the message.
/// </summary>
/// <param name="message">The message's bytes.</param>
internal ref struct WireReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> rest = message;

    public int Field { get; private set; }

    /// <summary>The field's value when it is a number.</summary>
    public ulong Number { get; private set; }

    /// <summary>The field's bytes when it is a string, a message, or packed numbers.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Whether <see cref="Bytes"/> rather than <see cref="Number"/> holds the value.</summary>
    public bool IsBytes { get; private set; }

    /// <summary>Moves to the next field; false at the message's end.</summary>
    /// <exception cref="InvalidDataException">The bytes are no protobuf message.</exception>
    public bool Next()
    {
        if (rest.IsEmpty)
            return false;
        ulong tag = Varint(ref rest);
        if (tag >> 3 is 0 or > (1 << 29) - 1)
            throw new InvalidDataException("field number out of range");
        Field = (int)(tag >> 3);
        IsBytes = false;
        Bytes = default;
        Number = 0;
        switch (tag & 7)
        {
            case 0:
                Number = Varint(ref rest);
                break;
            case 1:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case 2:
                Bytes = Take(Varint(ref rest));
                IsBytes = true;
                break;
            case 5:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                throw new InvalidDataException("unknown wire type");
        }
        return true;
    }

    /// <summary>Takes a base-128 number off the front of <paramref name="bytes"/>.</summary>
    /// <exception cref="InvalidDataException">It is cut off or longer than 10 bytes.</exception>
    public static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int i = 0; i < bytes.Length && i < 10; i++)
        {
            value |= (ulong)(bytes[i] & 0x7f) << (7 * i);
            if (bytes[i] >= 0x80)
                continue;
            bytes = bytes[(i + 1)..];
            return value;
        }
        throw new InvalidDataException("number cut off");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)rest.Length)
            throw new InvalidDataException("field longer than its message");
        ReadOnlySpan<byte> taken = rest[..(int)length];
        rest = rest[(int)length..];
        return taken;
    }
}
