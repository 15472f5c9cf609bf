using System.Runtime.InteropServices;
using DotnetPprof.Drain;
using DotnetPprof.Region;

namespace DotnetPprof.Bench.Convert;

/// <summary>A region in plain memory, and an agent and its threads that fill the rings in it.</summary>
internal sealed unsafe class SyntheticRegion : IDisposable
{
    public const int Threads = 30;

    /// <summary>Nanoseconds; so are the ticks of its clock.</summary>
    private const ulong RecordGap = 60_000;

    private const uint RingRecords = 1024;

    /* At 4 kHz over a tick of 1 ms, as the timer engine would: three shots, then a reading of the CPU clock. */
    private const int RecordsPerReading = 4;

    private static readonly ulong slots = 3 * RegionLayout.Page + RegionLayout.Anchors * (ulong)sizeof(RegionAnchor);
    private static readonly ulong learning = slots + RegionLayout.Slots * (ulong)sizeof(RegionSlot);
    private static readonly ulong chains = learning + RegionLayout.LearningBytes;
    private static readonly ulong rings = chains + RegionLayout.ChainsBytes;
    private static readonly ulong total = rings + RegionLayout.RingsBytes;

    private readonly byte* memory = (byte*)NativeMemory.AllocZeroed((nuint)total);
    private readonly SyntheticStacks stacks;
    private readonly uint[] chainIds;
    private readonly Random random = new(7);
    private readonly ulong[] ticks = new ulong[Threads];
    private readonly ulong[] records = new ulong[Threads];

    public SyntheticRegion(SyntheticStacks stacks)
    {
        this.stacks = stacks;
        *(RegionHeader*)memory = new RegionHeader
        {
            Magic = RegionLayout.Magic,
            Abi = RegionLayout.Abi,
            LayoutHash = RegionLayout.LayoutHash,
            TotalBytes = total,
            ControlOffset = RegionLayout.Page,
            CountersOffset = 2 * RegionLayout.Page,
            AnchorsOffset = 3 * RegionLayout.Page,
            SlotsOffset = slots,
            LearningOffset = learning,
            ChainsOffset = chains,
            RingsOffset = rings,
            SlotCount = RegionLayout.Slots,
            AnchorCapacity = RegionLayout.Anchors,
        };
        ((RegionControl*)(memory + RegionLayout.Page))->SlotsUsed = Threads;
        chainIds = [.. PutChains()];
        for (uint i = 0; i < Threads; i++)
        {
            RegionSlot* slot = Slot(i);
            slot->Generation = 1;
            slot->Tid = 1000 + i;
            System.Text.Encoding.ASCII.GetBytes($".NET TP Worker {i}", new Span<byte>(slot->Name, 64));
            slot->NameSequence = 2;
            slot->RingStart = i * RingRecords;
            slot->RingRecords = RingRecords;
            slot->State = (uint)SlotState.Live;
            ticks[i] = i * 997;
        }
    }

    public RegionView View => new(memory, total);

    /// <summary>Nanoseconds that have passed, of the clock the ticks are of.</summary>
    public long Now => (long)ticks.Max();

    /// <summary>What a drain's interval brings: up to <paramref name="most"/> samples over all threads.</summary>
    /// <returns>How many it was.</returns>
    public long Fill(long most)
    {
        const int PerThread = (int)RingRecords * 3 / 4;
        long put = 0;
        for (uint thread = 0; thread < Threads; thread++)
        {
            for (int i = 0; i < PerThread && put < most; i++, put++)
                Put(thread);
        }
        return put;
    }

    public void Dispose() => NativeMemory.Free(memory);

    private RegionSlot* Slot(uint index) => (RegionSlot*)(memory + slots) + index;

    private void Put(uint thread)
    {
        (ulong leaf, int chain) = stacks.Stacks[stacks.Pick(random)];
        ticks[thread] += RecordGap + (ulong)random.Next(1000);
        bool reading = ++records[thread] % RecordsPerReading == 0;
        RegionSlot* slot = Slot(thread);
        ((RegionRecord*)(memory + rings))[(ulong)thread * RingRecords + (slot->Head & (RingRecords - 1))] = new RegionRecord
        {
            Ticks = ticks[thread],
            Ip = leaf,
            Value = reading ? RecordsPerReading * RecordGap - 1 : 1,
            Chain = chainIds[chain],
            Kind = (byte)(reading ? RecordKind.Tick : RecordKind.Shot),
            Stop = (ushort)StopReason.Root,
        };
        Volatile.Write(ref slot->Head, slot->Head + 1);
    }

    private IEnumerable<uint> PutChains()
    {
        ulong used = RegionLayout.ChainUnit;
        foreach (ulong[] chain in stacks.Chains)
        {
            yield return (uint)(used / RegionLayout.ChainUnit);
            used += PutChain(used, chain);
        }
    }

    private ulong PutChain(ulong offset, ulong[] chain)
    {
        ulong bytes = (ulong)sizeof(RegionChain) + (ulong)chain.Length * sizeof(ulong);
        if (offset + bytes > RegionLayout.ChainsBytes)
            throw new InvalidOperationException("the stacks do not fit the region");
        ((RegionChain*)(memory + chains + offset))->Depth = (uint)chain.Length;
        chain.CopyTo(new Span<ulong>(memory + chains + offset + sizeof(RegionChain), chain.Length));
        return (bytes + RegionLayout.ChainUnit - 1) / RegionLayout.ChainUnit * RegionLayout.ChainUnit;
    }
}
