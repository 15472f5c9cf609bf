using System.Text;

namespace DotnetPprof.Tests.Symbolize;

/// <summary>Writes nettrace streams as the runtime does.</summary>
internal static class NettraceBytes
{
    internal static readonly byte[] Prologue = [.. "Nettrace"u8, 20, 0, 0, 0, .. "!FastSerialization.1"u8];

    /// <summary>An event of kind 1, which is the runtime's MethodLoadVerbose.</summary>
    internal sealed record Event(ulong Thread, uint Sequence, long Time, bool IsSorted, byte[] Payload);

    /// <summary>What a stream begins with, the description of kind 1 included.</summary>
    internal static byte[] Beginning()
    {
        byte[] begun = [.. Prologue, 5, 5, 1, 4, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, .. "Trace"u8, 6, .. new byte[48], 6];
        return Append(begun, "MetadataBlock", KindOne(fields: 0));
    }

    internal static byte[] KindOne(int fields)
    {
        byte[] kind = [1, 0, 0, 0, .. Encoding.Unicode.GetBytes("Microsoft-Windows-DotNETRuntime\0"), 143, 0, 0, 0, 0, 0, .. new byte[8], 2, 0, 0, 0, 5, 0, 0, 0, .. BitConverter.GetBytes(fields)];
        return [20, 0, 1, 0, .. new byte[16], 0x80, 0, .. Varint((ulong)kind.Length), .. kind];
    }

    internal static byte[] Append(byte[] stream, string name, byte[] content)
    {
        byte[] head = [5, 5, 1, 2, 0, 0, 0, 2, 0, 0, 0, (byte)name.Length, 0, 0, 0, .. Encoding.ASCII.GetBytes(name), 6, .. BitConverter.GetBytes(content.Length)];
        return [.. stream, .. head, .. new byte[-(stream.Length + head.Length) & 3], .. content, 6];
    }

    internal static byte[] Events(params Event[] events)
    {
        var block = new List<byte>([20, 0, 1, 0, .. new byte[16]]);
        long time = 0;
        uint sequence = 0;
        foreach (Event e in events)
        {
            block.Add((byte)(1 | 2 | 0x80 | (e.IsSorted ? 64 : 0)));
            block.AddRange([1, .. Varint(e.Sequence - sequence - 1), .. Varint(e.Thread), 0, .. Varint((ulong)(e.Time - time)), .. Varint((ulong)e.Payload.Length), .. e.Payload]);
            (time, sequence) = (e.Time, e.Sequence);
        }
        return [.. block];
    }

    internal static byte[] SequencePoint(params (ulong Thread, uint Sequence)[] threads) =>
        [.. new byte[8], .. BitConverter.GetBytes(threads.Length), .. threads.SelectMany(one => (byte[])[.. BitConverter.GetBytes(one.Thread), .. BitConverter.GetBytes(one.Sequence)])];

    internal static byte[] Varint(ulong value) => value < 0x80 ? [(byte)value] : [(byte)(value | 0x80), .. Varint(value >> 7)];
}
