using System.Buffers.Binary;
using System.Text;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Symbolize.Lines;

namespace DotnetPprof.Tests.Fuzz;

/// <summary>What a runtime sends: whole streams, and the payloads of events.</summary>
internal static class FuzzedEvents
{
    private const int RichHeaderBytes = 34;

    internal static void ReadStream(byte[] input) => FuzzedParsers.Expect<InvalidDataException>(() => Read(input));

    internal static EventIntake Read(byte[] input)
    {
        var intake = new EventIntake(new SymbolOptions(), new FunctionNames());
        var room = new HeldEventRoom(HeldEventRoom.MostBytes);
        try
        {
            using var parser = new NettraceParser(new NettraceEvents(new BodyEvents(intake).Read, sorts: true, room));
            parser.Feed(input);
            parser.Flush();
        }
        finally
        {
            if (room.Taken != 0)
                throw new InvalidOperationException($"{room.Taken} bytes of room were not given back");
        }
        return intake;
    }

    /// <summary>Events one after another: which (a byte), length (2 bytes), payload.</summary>
    internal static IEnumerable<byte[]> Payloads()
    {
        byte[] tree = [2, 0, 0, 0, 1, 0, 0, 0, .. Node(1, 0, 1, 0), .. Node(2, 5, 0, 0), 3, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 1];
        byte[] map = [.. new byte[17], 2, 0, 1, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0];
        byte[] type = [1, 0, 0, 0, 0, 0, .. new byte[25], (byte)'T', 0, 0, 0, 1, 0, 0, 0, .. new byte[8]];
        yield return [.. Event(0, map), .. Event(1, map), .. Event(2, Rich(0, tree[..20])), .. Event(2, Rich(0x80000001, tree[20..])), .. Event(3, new byte[20]), .. Event(4, type)];
        yield return [.. Event(5, tree)];
        byte[] texts = Encoding.Unicode.GetBytes("Type\0Method\0void ()\0");
        byte[] method = [.. new byte[24], 16, 0, 0, 0, 1, 0, 0, 6, 8, 0, 0, 0, .. texts, .. new byte[10]];
        byte[] module = [.. new byte[24], .. Encoding.Unicode.GetBytes("/app/a.dll\0\0"), .. new byte[22]];
        yield return [.. Event(6, method), .. Event(7, method), .. Event(8, module), .. Event(9, [.. new byte[8], .. texts, .. new byte[8]])];
    }

    internal static void ReadPayloads(byte[] input)
    {
        var events = new BodyEvents(new EventIntake(new SymbolOptions(), new FunctionNames()));
        ReadOnlySpan<byte> rest = input;
        while (rest.Length >= 3)
        {
            ReadOnlySpan<byte> data = rest.Slice(3, Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(rest[1..]), rest.Length - 3));
            switch (rest[0] % 10)
            {
                case 0:
                case 1:
                    events.Map(data, isRundown: rest[0] % 2 == 1);
                    break;
                case 2:
                    events.Inlined(data, new MonotonicNanos(1));
                    break;
                case 3:
                    events.Details(data, new MonotonicNanos(1));
                    break;
                case 4:
                    events.Types(data);
                    break;
                case 5:
                    ReadTree(data);
                    break;
                case 6:
                case 7:
                    ReadEvent(events, rest[0] % 10 == 6 ? EventProvider.Runtime : EventProvider.Rundown, 144 - rest[0] / 10 % 2, data);
                    break;
                case 8:
                    ReadEvent(events, EventProvider.Runtime, 152 + rest[0] / 10 % 2, data);
                    break;
                default:
                    ReadEvent(events, EventProvider.Runtime, 159, data);
                    break;
            }
            rest = rest[(3 + data.Length)..];
        }
    }

    private static void ReadEvent(BodyEvents events, EventProvider provider, int id, ReadOnlySpan<byte> data) =>
        events.Read(new RuntimeEvent(new EventKind(provider, id, Version: 2), new MonotonicNanos(1), data));

    private static void ReadTree(ReadOnlySpan<byte> data)
    {
        if (RichDebugInfo.Count(data) is not { } count)
            return;
        var nodes = new InlineNode[count.Nodes];
        var mappings = new IlMapping[count.Mappings];
        if (!RichDebugInfo.TryRead(data, nodes, mappings))
            return;
        if (PackedIl.Of(mappings, nodes, new MonotonicNanos(1)).Unpack() is not var (map, inlined) || inlined is null || !inlined.Nodes.SequenceEqual(nodes))
            throw new InvalidOperationException("what was packed is not what was told");
        for (uint native = 0; native < 64; native++)
        {
            int steps = 0;
            for (int at = (int)(map.Find(native)?.Inlinee ?? 0); at >= 0; at = nodes[at].Parent)
            {
                if (steps++ > nodes.Length)
                    throw new InvalidOperationException("the tree leads in circles");
            }
        }
    }

    private static byte[] Node(ulong method, uint il, uint child, uint sibling) =>
        [.. BitConverter.GetBytes(method), .. BitConverter.GetBytes(il), .. BitConverter.GetBytes(child), .. BitConverter.GetBytes(sibling)];

    private static byte[] Rich(uint chunk, byte[] bytes) => [.. new byte[RichHeaderBytes - 8], .. BitConverter.GetBytes(chunk), .. BitConverter.GetBytes(bytes.Length), .. bytes];

    private static byte[] Event(byte which, byte[] payload) => [which, .. BitConverter.GetBytes((ushort)payload.Length), .. payload];
}
