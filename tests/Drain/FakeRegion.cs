using System.Runtime.InteropServices;
using System.Text;
using DotnetPprof.Drain;
using DotnetPprof.Region;

namespace DotnetPprof.Tests.Drain;

/// <summary>A region as the agent makes it, in plain memory; whatever is not written takes none.</summary>
internal sealed unsafe class FakeRegion : IDisposable
{
    private static ulong ControlOffset => RegionLayout.Page;
    private static ulong CountersOffset => 2 * RegionLayout.Page;
    private static ulong AnchorsOffset => 3 * RegionLayout.Page;
    private static ulong SlotsOffset => AnchorsOffset + RegionLayout.Anchors * (ulong)sizeof(RegionAnchor);
    private static ulong LearningOffset => SlotsOffset + RegionLayout.Slots * (ulong)sizeof(RegionSlot);
    private static ulong ChainsOffset => LearningOffset + RegionLayout.LearningBytes;
    private static ulong RingsOffset => ChainsOffset + RegionLayout.ChainsBytes;

    public FakeRegion()
    {
        Memory = (byte*)NativeMemory.AllocZeroed((nuint)Bytes);
        Header->Magic = RegionLayout.Magic;
        Header->Abi = RegionLayout.Abi;
        Header->Pid = Pid;
        Header->LayoutHash = RegionLayout.LayoutHash;
        Header->TotalBytes = Bytes;
        Header->ControlOffset = ControlOffset;
        Header->CountersOffset = CountersOffset;
        Header->AnchorsOffset = AnchorsOffset;
        Header->SlotsOffset = SlotsOffset;
        Header->LearningOffset = LearningOffset;
        Header->ChainsOffset = ChainsOffset;
        Header->RingsOffset = RingsOffset;
        Header->SlotCount = RegionLayout.Slots;
        Header->AnchorCapacity = RegionLayout.Anchors;
        Header->ThreadRootReturn = 0x1111;
        Header->MainRootReturn = 0x2222;
        Header->KernelTickNs = 4_000_000;
        Write(Header->AgentVersion, 32, "0.1.0");
        Write(Header->RuntimeVersion, 32, "10.0.12");
        Write(Control->EngineReason, 192, "timer: because");
    }

    /// <summary>Of the process that it is in.</summary>
    public const int Pid = 4711;

    public static ulong Bytes => RingsOffset + RegionLayout.RingsBytes;

    public byte* Memory { get; }

    public RegionHeader* Header => (RegionHeader*)Memory;

    public RegionControl* Control => (RegionControl*)(Memory + ControlOffset);

    public ulong* Counters => (ulong*)(Memory + CountersOffset);

    public RegionAnchor* Anchors => (RegionAnchor*)(Memory + AnchorsOffset);

    public byte* Chains => Memory + ChainsOffset;

    public void PutChain(uint id, params ReadOnlySpan<ulong> returns)
    {
        var chain = (RegionChain*)(Chains + id * RegionLayout.ChainUnit);
        chain->Depth = (uint)returns.Length;
        returns.CopyTo(new Span<ulong>(chain + 1, returns.Length));
    }

    public RegionRecord* Records => (RegionRecord*)(Memory + RingsOffset);

    public RegionView View => new(Memory, Bytes);

    public RegionSlot* Slot(uint index) => (RegionSlot*)(Memory + SlotsOffset) + index;

    public void Dispose() => NativeMemory.Free(Memory);

    /// <summary>Records in the ring of each slot that is opened: they lie behind each other.</summary>
    public const uint RingRecords = 8;

    /// <summary>What the agent does when a thread gets a slot.</summary>
    public void Open(uint index, uint generation, uint tid, ulong cpuStart = 0, string name = "")
    {
        RegionSlot* slot = Slot(index);
        slot->Generation = generation;
        slot->Tid = tid;
        slot->CpuStartNs = slot->CpuNs = cpuStart;
        slot->Head = slot->Tail;
        slot->RingStart = index * RingRecords;
        slot->RingRecords = RingRecords;
        Control->SlotsUsed = Math.Max(Control->SlotsUsed, index + 1);
        Name(index, name);
        slot->State = (uint)SlotState.Live;
    }

    public void End(uint index, ulong cpu)
    {
        Slot(index)->CpuNs = cpu;
        Slot(index)->State = (uint)SlotState.Ended;
    }

    /// <summary>With the sequence the agent keeps: odd while the text is being written.</summary>
    public void Name(uint index, string name)
    {
        RegionSlot* slot = Slot(index);
        Volatile.Write(ref slot->NameSequence, slot->NameSequence | 1);
        Thread.MemoryBarrier();
        Write(slot->Name, 64, name);
        Volatile.Write(ref slot->NameSequence, slot->NameSequence + 1);
    }

    /// <summary>What the handler does: a record, then the head.</summary>
    public void Put(uint index, uint ringRecords, RecordKind kind, ulong ticks, ulong value, ulong ip = 0)
    {
        RegionSlot* slot = Slot(index);
        Records[(ulong)index * ringRecords + (slot->Head & (ringRecords - 1))] =
            new RegionRecord { Ticks = ticks, Ip = ip, Value = value, Kind = (byte)kind };
        Volatile.Write(ref slot->Head, slot->Head + 1);
    }

    public static void Write(byte* field, int size, string text)
    {
        var bytes = new Span<byte>(field, size);
        bytes.Clear();
        Encoding.UTF8.GetBytes(text, bytes);
    }
}
