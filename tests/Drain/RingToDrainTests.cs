using DotnetPprof.Drain;
using DotnetPprof.Region;
using DotnetPprof.Tests.Aggregate;
using DotnetPprof.Tests.Native;
using Xunit;

namespace DotnetPprof.Tests.Drain;

/// <summary>The handler's ring and the collector's drain against each other, each on its own thread.</summary>
public sealed unsafe class RingToDrainTests : IDisposable
{
    private const uint Records = 16;
    private const ulong Samples = 300_000;

    private readonly FakeRegion region = new();

    public void Dispose() => region.Dispose();

    [Fact]
    public void EverySampleIsDrainedOnceInOrderOrCountedAsLost()
    {
        region.Open(0, 1, 70);
        region.Slot(0)->RingRecords = Records;
        void* slot = Shim.NewSlot(region.Slot(0), region.Records, Records);
        var handler = new Thread(() =>
        {
            for (ulong i = 1; i <= Samples; i++)
            {
                var record = new RegionRecord { Ticks = i, Ip = ~i, Value = i, Kind = (byte)RecordKind.Tick };
                if (Shim.Put(slot, &record) == 0)
                    Shim.Lose(slot, i);
            }
            Volatile.Write(ref region.Slot(0)->State, (uint)SlotState.Ended);
        });
        var collected = new Collected();
        var drain = new RegionDrain(region.View, new KeptChains(region.View), collected);
        handler.Start();
        while (region.Slot(0)->DrainedGeneration != 1)
            drain.Drain();
        handler.Join();
        Shim.ReportLost(slot);
        region.Slot(0)->DrainedGeneration = 0;

        ulong last = 0;
        ulong seen = 0;
        foreach (var sample in collected.Samples)
        {
            Assert.True(sample.Time.Value > last, $"{sample.Time.Value} after {last}");
            last = sample.Time.Value;
            seen += (ulong)sample.Count;
            if (sample.Stack is { } stack)
                Assert.Equal(~last, stack.Leaf.Value);
        }
        ulong unreported = region.Slot(0)->Head == region.Slot(0)->Tail ? 0 : region.Records[(region.Slot(0)->Head - 1) % Records].Value;
        Assert.Equal(Samples, seen + unreported);
        Assert.Equal(0, drain.CorruptRings);
        Shim.FreeSlot(slot);
    }
}
