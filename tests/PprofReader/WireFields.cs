using System.Text;

namespace DotnetPprof.Tests.PprofReader;

/// <summary>One field of a protobuf message: a number, or bytes.</summary>
internal readonly record struct WireField(int Number, ulong Value, ReadOnlyMemory<byte>? Bytes)
{
    public string Text => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Payload.Span);

    public IEnumerable<WireField> Message => WireFields.Of(Payload);

    private ReadOnlyMemory<byte> Payload =>
        Bytes ?? throw new InvalidDataException($"field {Number} is a number where bytes belong");

    /// <summary>The numbers of a repeated field, packed or not.</summary>
    public IEnumerable<ulong> Numbers()
    {
        if (Bytes is not { } packed)
        {
            yield return Value;
            yield break;
        }
        for (int at = 0; at < packed.Length;)
            yield return WireFields.Varint(packed.Span, ref at);
    }
}

/// <summary>protobuf's wire format, decoded by hand so that nothing is shared with the writer under test.</summary>
internal static class WireFields
{
    public static IEnumerable<WireField> Of(ReadOnlyMemory<byte> message)
    {
        for (int at = 0; at < message.Length;)
        {
            ulong tag = Varint(message.Span, ref at);
            int number = checked((int)(tag >> 3));
            switch (tag & 7)
            {
                case 0:
                    yield return new WireField(number, Varint(message.Span, ref at), null);
                    break;
                case 2:
                    int length = checked((int)Varint(message.Span, ref at));
                    yield return new WireField(number, 0, message.Slice(at, length));
                    at += length;
                    break;
                default:
                    throw new InvalidDataException($"field {number} has wire type {tag & 7}, which pprof does not use");
            }
        }
    }

    public static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte next = bytes[at++];
            value |= (ulong)(next & 0x7f) << shift;
            if ((next & 0x80) == 0)
                return value;
        }
        throw new InvalidDataException("varint longer than 10 bytes");
    }
}
