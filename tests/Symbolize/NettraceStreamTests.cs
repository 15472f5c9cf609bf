using System.Buffers.Binary;
using System.Text;
using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class NettraceStreamTests
{
    private static readonly byte[] Prologue = [.. "Nettrace"u8, 20, 0, 0, 0, .. "!FastSerialization.1"u8];

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void AWholeStreamPassesThroughWithASequencePointBeforeItsEnd(int piece)
    {
        byte[] stream = Stream(10, 33, 4000);
        byte[] read = ReadAll(new Pieces(stream, piece));
        Assert.Equal(stream[..^1], read[..(stream.Length - 1)]);
        Assert.Equal("SPBlock", Encoding.ASCII.GetString(read, stream.Length - 1 + 15, 7));
        Assert.Equal(1, read[^1]);
        Assert.Equal(0, (read.Length - stream.Length) % 4);

        // Its content starts at a multiple of 4, and says: no threads.
        int size = BinaryPrimitives.ReadInt32LittleEndian(read.AsSpan(stream.Length - 1 + 23));
        int content = (stream.Length - 1 + 27 + 3) & ~3;
        Assert.Equal(content + size + 1, read.Length - 1);
        Assert.All(read[content..(content + size)], value => Assert.Equal(0, value));
    }

    [Fact]
    public void AnObjectCutOffIsLeftOut()
    {
        byte[] two = Stream(10, 50), one = Stream(10);
        byte[] expected = ReadAll(new Pieces(one, 1000));
        for (int length = one.Length - 1; length < two.Length - 1; length++)
            Assert.Equal(expected, ReadAll(new Pieces(two[..length], 1000)));
    }

    [Fact]
    public void AStreamCutOffBeforeItsFirstObjectEnds()
    {
        for (int length = 0; length < Prologue.Length; length++) Assert.True(ReadAll(new Pieces(Prologue[..length], 5)).Length <= 64);
    }

    [Fact]
    public void WhatIsNotKnownIsRefused()
    {
        Refused([.. Prologue, 9, 9, 9, .. new byte[5000]]);
        Refused([.. "Nettrace"u8, 0, 0, 0, 0, 6, 0, 0, 0, .. new byte[5000]]);
        byte[] begun = Stream()[..^1];
        byte[] huge = [.. begun, .. Block("EventBlock", begun.Length, 8)];
        BinaryPrimitives.WriteInt32LittleEndian(huge.AsSpan(begun.Length + 15 + 10 + 1), int.MaxValue);
        Refused(huge);
        Refused([.. begun, .. Block("AnyBlock", begun.Length, 8)]);
        byte[] other = [.. begun];
        other[Prologue.Length + 3]++;
        Refused(other);
    }

    /// <summary>The reader would set aside an array for each, and call itself for each type inside another.</summary>
    [Theory]
    [InlineData(int.MaxValue, 9)]
    [InlineData(-1, 9)]
    [InlineData(1, 1)]
    public void FieldsAreTakenOutOfMetadata(int fields, int type)
    {
        byte[] before = [1, 0, 0, 0, .. "P\0\0\0"u8, 7, 0, 0, 0, 0, 0, .. new byte[16]];
        byte[] described = [.. BitConverter.GetBytes(fields), .. Enumerable.Range(0, 1000).SelectMany(_ => BitConverter.GetBytes(type))];
        byte[] block = [20, 0, 1, 0, .. new byte[16], 0x80, 0, .. Varint(before.Length + described.Length), .. before, .. described];
        NettraceBlocks.TakeOutFields(block);
        Assert.Equal([.. before, 0, 0, 0, 0, .. BitConverter.GetBytes(described.Length - 9), 0], block[^(before.Length + described.Length)..^(described.Length - 9)]);
    }

    [Fact]
    public void BlocksWhoseEventsGoBeyondThemAreRefused()
    {
        byte[] block = EventsOf(9);
        Assert.Equal(1, NettraceBlocks.CheckEvents(block));
        Assert.Equal(2, NettraceBlocks.CheckEvents((byte[])[.. block, 0, 0, .. new byte[9]]));
        for (int length = 0; length < block.Length; length++)
        {
            if (length != 20) Assert.Throws<InvalidDataException>(() => NettraceBlocks.CheckEvents(block.AsSpan(0, length)));
        }

        Assert.Throws<InvalidDataException>(() => NettraceBlocks.CheckEvents((byte[])[.. block[..20], 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0x7f]));
        Assert.Equal(2, NettraceBlocks.CheckStacks((byte[])[.. new byte[8], 4, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0]));
        Assert.Throws<InvalidDataException>(() => NettraceBlocks.CheckStacks((byte[])[.. new byte[8], 0xff, 0xff, 0xff, 0xff]));
    }

    /// <summary>A stream that never says that all is complete must not make the reader hold all of it.</summary>
    [Fact]
    public void NoMoreIsHeldThanStated()
    {
        byte[] stream = Stream([.. Enumerable.Repeat(900_000, 80)]);
        int inserted = CountOf("SPBlock"u8, ReadAll(new Pieces(stream, 1 << 20)));
        Assert.Equal(3, inserted);
    }

    [Fact]
    public void DamagedStreamsEnd()
    {
        byte[] stream = Stream(10, 33, 400);
        var random = new Random(5);
        for (int round = 0; round < 3000; round++)
        {
            byte[] damaged = [.. stream];
            for (int i = 0; i < 3; i++) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                Assert.True(ReadAll(new Pieces(damaged, 1 + random.Next(200))).Length <= damaged.Length + 64);
            }
            catch (InvalidDataException)
            {
                /* The answer to damage. */
            }
        }
    }

    [Fact]
    public void SilenceBringsOneSequencePoint()
    {
        byte[] stream = Stream(10);
        using var silence = new ManualResetEventSlim();
        using var reader = new NettraceStream(new Pieces(stream[..^1], 1000, silence));
        byte[] read = new byte[stream.Length - 1 + 28];
        reader.ReadExactly(read);
        Assert.Equal("SPBlock", Encoding.ASCII.GetString(read, stream.Length - 1 + 15, 7));
        using var end = new Timer(_ => silence.Set(), null, 10 * NettraceStream.QuietMillis, Timeout.Infinite);
        byte[] rest = new byte[1000];
        int more = 0;
        for (int count; (count = reader.Read(rest)) > 0;) more += count;
        Assert.True(more < 100);
    }

    /// <summary>A stream with a Trace object and blocks of the given sizes.</summary>
    private static byte[] Stream(params int[] blocks)
    {
        var stream = new List<byte>(Prologue);
        stream.AddRange([5, 5, 1, 4, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, .. "Trace"u8, 6, .. new byte[48], 6]);
        foreach (int size in blocks) stream.AddRange(Block("EventBlock", stream.Count, size));
        stream.Add(1);
        return [.. stream];
    }

    /// <summary>A block with an event of so many bytes.</summary>
    private static byte[] Block(string name, int position, int eventBytes)
    {
        byte[] content = EventsOf(eventBytes);
        byte[] number = BitConverter.GetBytes(content.Length);
        byte[] head = [5, 5, 1, 2, 0, 0, 0, 2, 0, 0, 0, (byte)name.Length, 0, 0, 0, .. Encoding.ASCII.GetBytes(name), 6, .. number];
        return [.. head, .. new byte[-(position + head.Length) & 3], .. content, 6];
    }

    private static byte[] EventsOf(int bytes) => [20, 0, 1, 0, .. new byte[16], 0x80, 0, .. Varint(bytes), .. Enumerable.Repeat((byte)0xee, bytes)];

    private static byte[] Varint(int value) => value < 0x80 ? [(byte)value] : [(byte)(value | 0x80), .. Varint(value >> 7)];

    private static void Refused(byte[] stream) => Assert.Throws<InvalidDataException>(() => ReadAll(new Pieces(stream, 77)));

    private static int CountOf(ReadOnlySpan<byte> text, ReadOnlySpan<byte> within) => within.Count(text);

    private static byte[] ReadAll(Stream from)
    {
        using var reader = new NettraceStream(from);
        using var read = new MemoryStream();
        byte[] piece = new byte[111];
        for (int count; (count = reader.Read(piece)) > 0;) read.Write(piece, 0, count);
        return read.ToArray();
    }

    /// <summary>Gives its bytes in pieces; at their end, waits until told to end, where there is such a signal.</summary>
    private sealed class Pieces(byte[] bytes, int size, ManualResetEventSlim? end = null) : MemoryStream(bytes)
    {
        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            if (Position < Length || end is null) return base.ReadAsync(buffer, offset, Math.Min(count, size), cancellationToken);
            return Task.Run(() =>
            {
                end.Wait(cancellationToken);
                return 0;
            });
        }
    }
}
