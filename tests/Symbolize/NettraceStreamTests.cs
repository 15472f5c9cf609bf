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
    public void WhatIsNotKnownIsPassedOnAsItIs()
    {
        byte[] garbage = [.. Prologue, 9, 9, 9, .. new byte[5000]];
        Assert.Equal(garbage, ReadAll(new Pieces(garbage, 77)));
        byte[] huge = [.. Prologue, .. Block("EventBlock", Prologue.Length, 8)];
        BinaryPrimitives.WriteInt32LittleEndian(huge.AsSpan(Prologue.Length + 15 + 10 + 1), int.MaxValue);
        Assert.Equal(huge, ReadAll(new Pieces(huge, 77)));
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
            Assert.True(ReadAll(new Pieces(damaged, 1 + random.Next(200))).Length <= damaged.Length + 64);
        }
    }

    [Fact]
    public void SilenceBringsOneSequencePointAndThenIsReported()
    {
        byte[] stream = Stream(10);
        int quiet = 0;
        using var silence = new ManualResetEventSlim();
        using var reader = new NettraceStream(new Pieces(stream[..^1], 1000, silence), () => quiet++);
        byte[] read = new byte[stream.Length - 1 + 28];
        reader.ReadExactly(read);
        Assert.Equal("SPBlock", Encoding.ASCII.GetString(read, stream.Length - 1 + 15, 7));
        Assert.Equal(0, quiet);
        new Timer(_ => silence.Set(), null, 3 * NettraceStream.QuietMillis, Timeout.Infinite);
        byte[] rest = new byte[1000];
        int more = 0;
        for (int count; (count = reader.Read(rest)) > 0;) more += count;
        Assert.True(quiet >= 1);
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

    private static byte[] Block(string name, int position, int size)
    {
        byte[] number = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(number, size);
        byte[] head = [5, 5, 1, 2, 0, 0, 0, 2, 0, 0, 0, (byte)name.Length, 0, 0, 0, .. Encoding.ASCII.GetBytes(name), 6, .. number];
        return [.. head, .. new byte[-(position + head.Length) & 3], .. Enumerable.Repeat((byte)0xee, size), 6];
    }

    private static byte[] ReadAll(Stream from)
    {
        using var reader = new NettraceStream(from, () => { });
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
