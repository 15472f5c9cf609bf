using System.Runtime.CompilerServices;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Drain;

/// <summary>Regions that are whole, cut off, damaged, or of another build.</summary>
public sealed unsafe class RegionViewTests : IDisposable
{
    private readonly FakeRegion region = new();

    public void Dispose() => region.Dispose();

    [Fact]
    public void WholeRegionIsRead()
    {
        region.Counters[(int)Counter.LostEvents] = 12;
        region.Control->Session = 3;
        FakeRegion.Write(region.Control->Error, 256, "no signal");
        region.Anchors[5].RealtimeNs = 99;
        region.Slot(4095)->Tid = 8;
        RegionView view = region.View;
        Assert.Equal((4096U, 4096U, 4711U), (view.SlotCount, view.AnchorCapacity, view.TargetPid));
        Assert.Equal((0x1111UL, 0x2222UL, 4_000_000UL), (view.ThreadRootReturn, view.MainRootReturn, view.KernelTickNanos));
        Assert.Equal(("0.1.0", "10.0.12", "timer: because"), (view.AgentVersion, view.RuntimeVersion, RegionView.EngineReason(view.Control)));
        Assert.Equal((12UL, 3UL, "no signal"), (view.Counter(Counter.LostEvents), view.Control.Session, view.Error));
        Assert.Equal(99, view.Anchor(5 + 4096 * 7UL).RealtimeNs);
        Assert.Equal(8U, view.Slot(4095).Tid);
        Assert.Throws<ArgumentOutOfRangeException>(() => region.View.Slot(4096));
    }

    [Fact]
    public void TruncatedAtAnyLengthIsRefused()
    {
        ulong[] ends =
        [
            region.Header->ControlOffset, region.Header->CountersOffset, region.Header->AnchorsOffset,
            region.Header->SlotsOffset, region.Header->ChainsOffset, region.Header->RingsOffset, FakeRegion.Bytes,
        ];
        IEnumerable<ulong> lengths = Enumerable.Range(0, 4 * (int)RegionLayout.Page).Select(n => (ulong)n)
            .Concat(ends.SelectMany(end => new[] { end - 1, end, end + 1 }))
            .Where(length => length != FakeRegion.Bytes).Append(ulong.MaxValue);
        foreach (ulong length in lengths)
        {
            /* As it is, and with a header that goes along with the lie. */
            region.Header->TotalBytes = FakeRegion.Bytes;
            string message = Refused(length);
            Assert.Contains("bytes", message);
            if (length > FakeRegion.Bytes)
                continue;
            region.Header->TotalBytes = length;
            Refused(length);
        }
    }

    [Fact]
    public void EmptyFileIsNoRegion()
    {
        new Span<byte>(region.Memory, (int)RegionLayout.Page).Clear();
        Assert.Contains("magic number", Refused(FakeRegion.Bytes));
    }

    [Theory]
    [InlineData(0U, 0UL)]
    [InlineData(2U, 0UL)]
    [InlineData(uint.MaxValue, 0UL)]
    [InlineData(1U, 1UL)]
    [InlineData(1U, 1UL << 63)]
    public void OtherBuildsAreToldApartAndNamed(uint abi, ulong hashFlip)
    {
        region.Header->Abi = abi;
        region.Header->LayoutHash ^= hashFlip;
        FakeRegion.Write(region.Header->AgentVersion, 32, "9.8.7");
        /* What stands behind these words is another layout's, and must not be looked at first. */
        region.Header->TotalBytes = 1;
        string message = Refused(FakeRegion.Bytes);
        Assert.Contains("9.8.7", message);
        Assert.Contains("different builds", message);
        Assert.Contains("restart", message);
    }

    public static TheoryData<string, ulong> BadHeaders => new()
    {
        { nameof(RegionHeader.SlotCount), 0 },
        { nameof(RegionHeader.SlotCount), RegionLayout.Slots + 1 },
        { nameof(RegionHeader.AnchorCapacity), 0 },
        { nameof(RegionHeader.AnchorCapacity), uint.MaxValue },
        { nameof(RegionHeader.ControlOffset), 0 },
        { nameof(RegionHeader.ControlOffset), 4097 },
        { nameof(RegionHeader.CountersOffset), ulong.MaxValue - 7 },
        { nameof(RegionHeader.AnchorsOffset), 1UL << 63 },
        { nameof(RegionHeader.SlotsOffset), FakeRegion.Bytes },
        { nameof(RegionHeader.LearningOffset), FakeRegion.Bytes - 8 },
        { nameof(RegionHeader.ChainsOffset), FakeRegion.Bytes - 8 },
        { nameof(RegionHeader.RingsOffset), FakeRegion.Bytes - RegionLayout.RingsBytes + 8 },
    };

    [Theory]
    [MemberData(nameof(BadHeaders))]
    public void ImpossibleHeadersAreRefused(string field, ulong value)
    {
        int offset = (int)System.Runtime.InteropServices.Marshal.OffsetOf<RegionHeader>(field);
        if (field.EndsWith("Offset"))
            *(ulong*)(region.Memory + offset) = value;
        else
            *(uint*)(region.Memory + offset) = (uint)value;
        Refused(FakeRegion.Bytes);
    }

    /// <summary>Whatever bits of the header flip, all that a view gives lies inside the region.</summary>
    [Fact]
    public void FlippedBitsGiveAClearErrorOrAViewThatStaysInside()
    {
        var random = new Random(20);
        byte[] whole = new Span<byte>(region.Memory, Unsafe.SizeOf<RegionHeader>()).ToArray();
        int refused = 0;
        int opened = 0;
        for (int run = 0; run < 20_000; run++)
        {
            whole.CopyTo(new Span<byte>(region.Memory, whole.Length));
            for (int flips = random.Next(1, 4); flips > 0; flips--)
                region.Memory[random.Next(16) < 15 ? random.Next(128) : random.Next(whole.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                LookAtEverything(region.View);
                opened++;
            }
            catch (RegionFormatException e)
            {
                Assert.StartsWith("the agent", e.Message);
                refused++;
            }
        }
        Assert.True(refused > 1000 && opened > 1000, $"{refused} refused, {opened} opened");
    }

    [Theory]
    [InlineData(0U, 1U, true)]
    [InlineData(1000U, 1024U, true)]
    [InlineData(0U, 1U << 24, true)] // exactly the section
    [InlineData((1U << 24) - 16, 16U, true)]
    [InlineData((1U << 24) - 15, 16U, false)]
    [InlineData(0U, 1U << 25, false)]
    [InlineData(16U, 0U, false)]
    [InlineData(16U, 1000U, false)]
    [InlineData(uint.MaxValue, 1U, false)]
    [InlineData(uint.MaxValue, 1U << 31, false)]
    public void RingsMustLieInTheirSection(uint start, uint records, bool fit)
    {
        region.Slot(3)->RingStart = start;
        region.Slot(3)->RingRecords = records;
        Ring ring = region.View.Ring(3);
        Assert.Equal(fit ? records : 0, ring.Length);
        if (fit)
            Assert.Equal(0UL, ring[ulong.MaxValue].Ticks);
        else
            Assert.Throws<ArgumentOutOfRangeException>(() => ring[0]);
    }

    [Fact]
    public void SlotsInUseAreNoMoreThanThereAre()
    {
        region.Control->SlotsUsed = 17;
        Assert.Equal(17U, region.View.SlotsUsed);
        region.Control->SlotsUsed = uint.MaxValue;
        Assert.Equal(RegionLayout.Slots, region.View.SlotsUsed);
    }

    [Fact]
    public void ChainsAreReadAsWritten()
    {
        var returns = new ReturnAddress[RegionLayout.MaxDepth];
        WriteChain(1, 3);
        Assert.Equal(3, region.View.ReadChain(1, returns));
        Assert.Equal([100UL, 101UL, 102UL], returns[..3].Select(r => r.Value));
        WriteChain(50, RegionLayout.MaxDepth);
        Assert.Equal(512, region.View.ReadChain(50, returns));
        Assert.Equal(611UL, returns[^1].Value);
        Assert.Equal(-1, region.View.ReadChain(50, returns.AsSpan(0, 511)));
    }

    [Theory]
    [InlineData(0U)]
    [InlineData(1U)]
    [InlineData(513U)]
    [InlineData(1U << 31)]
    [InlineData(uint.MaxValue)]
    public void ChainsWithImpossibleDepthsAreNone(uint depth)
    {
        uint last = (uint)(RegionLayout.ChainsBytes / RegionLayout.ChainUnit) - 1;
        WriteChain(last, 0);
        ((RegionChain*)(region.Chains + last * RegionLayout.ChainUnit))->Depth = depth;
        Assert.Equal(-1, region.View.ReadChain(last, new ReturnAddress[600]));
    }

    [Fact]
    public void WildChainIdsAreNone()
    {
        uint end = (uint)(RegionLayout.ChainsBytes / RegionLayout.ChainUnit);
        RegionView view = region.View;
        /* The rings behind the chains would make a fine chain of it. */
        ((RegionChain*)region.Records)->Depth = 2;
        var returns = new ReturnAddress[512];
        Assert.All(new uint[] { 0, end, end + 1, int.MaxValue, 1U << 31, uint.MaxValue }, id => Assert.Equal(-1, view.ReadChain(id, returns)));
        var random = new Random(21);
        for (int i = 0; i < 100_000; i++)
        {
            uint id = (uint)random.NextInt64(1L << random.Next(1, 33));
            if (id != 0 && id < end)
                ((RegionChain*)(region.Chains + id % 4096 * RegionLayout.ChainUnit))->Depth = (uint)random.NextInt64(1L << random.Next(1, 33));
            Assert.InRange(view.ReadChain(id, returns), -1, 512);
        }
    }

    [Fact]
    public void NameThatIsBeingWrittenIsNotRead()
    {
        region.Name(3, "worker");
        RegionView view = region.View;
        Assert.Equal("worker", view.SlotName(3));
        region.Slot(3)->NameSequence |= 1;
        Assert.Null(view.SlotName(3));
        region.Slot(3)->NameSequence++;
        Assert.Equal("worker", view.SlotName(3));
    }

    [Fact]
    public void NamesWithoutAnEndOrWithoutSenseAreStillNames()
    {
        new Span<byte>(region.Slot(0)->Name, 64).Fill((byte)'x');
        Assert.Equal(new string('x', 64), region.View.SlotName(0));
        new Span<byte>(region.Slot(0)->Name, 64).Fill(0xC3);
        Assert.Equal(new string('\uFFFD', 64), region.View.SlotName(0));
    }

    /// <summary>The texts differ in length and in characters per byte: half of one and half of the other must not be decoded.</summary>
    [Fact]
    public void NamesThatChangeAllTheTimeAreReadWholeOrNotAtAll()
    {
        string[] names = ["a", "ein viel längerer Name mit Umläuten äöü", "スレッド番号一二三四五六七八", new('n', 63)];
        bool stop = false;
        var writer = new Thread(() =>
        {
            for (int i = 0; !Volatile.Read(ref stop); i++)
                region.Name(0, names[i % names.Length]);
        });
        region.Name(0, names[0]);
        writer.Start();
        RegionView view = region.View;
        try
        {
            for (int i = 0; i < 300_000; i++)
            {
                if (view.SlotName(0) is { } name)
                    Assert.Contains(name, names);
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            writer.Join();
        }
    }

    private static void LookAtEverything(RegionView view)
    {
        Assert.InRange(view.SlotCount, 1U, RegionLayout.Slots);
        _ = view.Control.Session + view.Control.ChainsUsed;
        for (int i = 0; i < RegionLayout.Counters; i++)
            view.Counter((Counter)i);
        _ = view.Anchor(view.AnchorCapacity - 1).RealtimeNs + view.Anchor(ulong.MaxValue).MonotonicNs;
        _ = view.Slot(0).Tid + view.Slot(view.SlotCount - 1).Tid;
        view.SlotName(view.SlotCount - 1);
        view.ReadChain((uint)(RegionLayout.ChainsBytes / RegionLayout.ChainUnit) - 1, new ReturnAddress[512]);
        Ring ring = view.Ring(view.SlotCount - 1);
        _ = ring.Length > 0 ? ring[ulong.MaxValue].Ticks : view.SlotsUsed;
        _ = view.Error + view.AgentVersion + view.RuntimeVersion + RegionView.ClockVerdict(view.Control, ClockKind.Stopwatch) + RegionView.EngineReason(view.Control);
    }

    private string Refused(ulong length) =>
        Assert.Throws<RegionFormatException>(() => new RegionView(region.Memory, length)).Message;

    private void WriteChain(uint id, uint depth)
    {
        RegionChain* chain = (RegionChain*)(region.Chains + (ulong)id * RegionLayout.ChainUnit);
        chain->Depth = depth;
        for (uint i = 0; i < depth; i++)
            ((ulong*)(chain + 1))[i] = 100 + i;
    }
}
