using System.Buffers.Binary;
using DotnetPprof.Symbolize;
using Xunit;
using static DotnetPprof.Tests.Symbolize.NettraceBytes;

namespace DotnetPprof.Tests.Symbolize;

public class NettraceParserTests
{
    /* Not the process's: what is refused here gives back nothing. */
    private readonly HeldEventRoom room = new(HeldEventRoom.MostBytes);
    private readonly List<byte> read = [];
    private readonly NettraceEvents events;
    private readonly NettraceParser parser;

    public NettraceParserTests()
    {
        events = new NettraceEvents(Read, sorts: true, room);
        parser = new NettraceParser(events);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void EventsOfSeveralThreadsAreReadInTheOrderOfTime(int piece)
    {
        byte[] stream = Append(Beginning(), "EventBlock", Events(Of(1, 1, 10, true), Of(1, 2, 40), Of(1, 3, 50)));
        stream = Append(stream, "StackBlock", new byte[8]);
        stream = Append(stream, "EventBlock", Events(Of(2, 1, 20, true), Of(2, 2, 45)));
        stream = Append(stream, "EventBlock", Events(Of(3, 1, 42, true), Of(3, 2, 60)));
        FeedBy(piece, stream);
        Assert.Equal([10, 20, 40, 42], read);
        FeedBy(piece, Append(stream, "SPBlock", SequencePoint((1, 3), (2, 2), (3, 2)))[stream.Length..]);
        Assert.Equal([10, 20, 40, 42, 45, 50, 60], read);
        Assert.False(events.Holds);
        Assert.Equal(0, events.Lost);
    }

    [Fact]
    public void WhatIsHeldIsReadWhenNothingMoreComes()
    {
        parser.Feed(Append(Beginning(), "EventBlock", Events(Of(1, 1, 10, true), Of(1, 2, 40), Of(1, 3, 40))));
        Assert.True(events.Holds);
        Assert.Equal([10], read);
        parser.Flush();
        Assert.Equal([10, 40, 40], read);
        Assert.False(events.Holds);
    }

    [Fact]
    public void WhereOrderDoesNotMatterNothingIsHeld()
    {
        var unsorted = new NettraceEvents(Read, sorts: false, room);
        new NettraceParser(unsorted).Feed(Append(Beginning(), "EventBlock", Events(Of(1, 1, 10, true), Of(1, 2, 40), Of(1, 3, 50))));
        Assert.Equal([10, 40, 50], read);
    }

    /// <summary>They are read at once, and none is lost.</summary>
    [Fact]
    public void WhereThereIsNoRoomNothingIsHeld()
    {
        var crowded = new NettraceEvents(Read, sorts: true, new HeldEventRoom(0));
        new NettraceParser(crowded).Feed(Append(Beginning(), "EventBlock", Events(Of(1, 1, 10, true), Of(1, 2, 40), Of(1, 3, 50))));
        Assert.Equal([10, 40, 50], read);
        Assert.False(crowded.Holds);
    }

    [Fact]
    public void EventsThatWereLostAreCounted()
    {
        byte[] stream = Append(Beginning(), "EventBlock", Events(Of(1, 5, 10, true), Of(1, 6, 11), Of(1, 9, 12)));
        stream = Append(stream, "EventBlock", Events(Of(2, 1, 13, true), Of(1, 12, 14, true)));
        parser.Feed(stream);
        Assert.Equal(4, events.Lost);
        parser.Feed(Append(stream, "SPBlock", SequencePoint((1, 13), (2, 1)))[stream.Length..]);
        Assert.Equal(5, events.Lost);
    }

    [Fact]
    public void AnObjectCutOffIsLeftOut()
    {
        byte[] one = Append(Beginning(), "EventBlock", Events(Of(1, 1, 10, true)));
        byte[] two = Append(one, "EventBlock", Events(Of(1, 2, 20, true)));
        for (int length = 0; length <= two.Length; length++)
        {
            read.Clear();
            var cut = new NettraceParser(new NettraceEvents(Read, sorts: true, room));
            cut.Feed(two.AsSpan(0, length));
            cut.Flush();
            Assert.Equal(length == two.Length ? [10, 20] : length >= one.Length ? [10] : [], read);
        }
    }

    [Fact]
    public void WhatComesAfterTheEndIsNotRead()
    {
        parser.Feed([.. Beginning(), 1, 9, 9, 9, 9]);
        parser.Feed(new byte[100]);
        Assert.Empty(read);
    }

    [Fact]
    public void WhatIsNotKnownIsRefused()
    {
        Refused([.. Prologue, 9, 9, 9, .. new byte[5000]]);
        Refused([.. "Nettrace"u8, 0, 0, 0, 0, 6, 0, 0, 0, .. new byte[5000]]);
        Refused(Append([.. Prologue], "EventBlock", Events()));
        Refused(Append(Beginning(), "AnyBlock", Events()));
        byte[] begun = Beginning(), huge = Append(begun, "EventBlock", Events());
        BinaryPrimitives.WriteInt32LittleEndian(huge.AsSpan(begun.Length + 15 + 10 + 1), int.MaxValue);
        Refused(huge);
        byte[] other = [.. begun];
        other[Prologue.Length + 3]++;
        Refused(other);
    }

    /// <summary>They can be described to be inside each other without end, and more than there is memory for.</summary>
    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(-1)]
    public void DescriptionsOfFieldsAreNotRead(int fields)
    {
        events.TakeKinds(KindOne(fields));
        events.Take(Events(Of(1, 1, 10, true)));
        Assert.Equal([10], read);
    }

    [Fact]
    public void BlocksWhoseEventsGoBeyondThemAreRefused()
    {
        byte[] kinds = KindOne(0), block = Events(Of(1, 1, 10, true), Of(1, 2, 20, true));
        events.TakeKinds(kinds);
        int whole = Events(Of(1, 1, 10, true)).Length;
        for (int length = 0; length < block.Length; length++)
        {
            if (length != 20 && length != whole) Assert.Throws<InvalidDataException>(() => events.Take(block.AsSpan(0, length)));
        }

        for (int length = 0; length < kinds.Length - 8; length++)
        {
            if (length != 20) Assert.Throws<InvalidDataException>(() => events.TakeKinds(kinds.AsSpan(0, length)));
        }

        Assert.Throws<InvalidDataException>(() => events.Take([.. block[..20], 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0x7f]));
        Assert.Throws<InvalidDataException>(() => events.TakeSequencePoint([.. new byte[8], 0xff, 0xff, 0xff, 0x7f]));
    }

    /// <summary>A stream that never says that all is complete must not have all of it held.</summary>
    [Fact]
    public void NoMoreIsHeldThanStated()
    {
        events.TakeKinds(KindOne(0));
        events.Take(Events(Of(1, 1, 10, true)));
        for (uint i = 0; i < 80; i++) events.Take(Events(new Event(1, 2 + i, 11, false, new byte[900_000])));
        Assert.InRange(read.Count, 40, 80);
        parser.Flush();
        Assert.Equal(81, read.Count);
    }

    [Fact]
    public void DamagedStreamsEnd()
    {
        byte[] stream = Append(Append(Beginning(), "EventBlock", Events(Of(1, 1, 10, true), Of(1, 2, 20))), "SPBlock", SequencePoint((1, 2)));
        var random = new Random(5);
        for (int round = 0; round < 3000; round++)
        {
            byte[] damaged = [.. stream];
            for (int i = 0; i < 3; i++) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                var broken = new NettraceParser(new NettraceEvents(Read, sorts: true, room));
                broken.Feed(damaged);
                broken.Flush();
            }
            catch (InvalidDataException)
            {
                /* The answer to damage. */
            }
        }
    }

    /* Its time is its content too. */
    private static Event Of(ulong thread, uint sequence, byte time, bool isSorted = false) => new(thread, sequence, time, isSorted, [time]);

    private void Read(in RuntimeEvent e) => read.Add(e.Data[0]);

    private void FeedBy(int piece, byte[] stream)
    {
        for (int at = 0; at < stream.Length; at += piece) parser.Feed(stream.AsSpan(at, Math.Min(piece, stream.Length - at)));
    }

    private void Refused(byte[] stream) => Assert.Throws<InvalidDataException>(() => new NettraceParser(new NettraceEvents((in RuntimeEvent _) => { }, sorts: true, room)).Feed(stream));
}
