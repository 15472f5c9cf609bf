using System.Text;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Drain;

/// <summary>
/// The shared region as the collector sees it. The target may write anything into it at any time, so every offset and
/// count that is used as one is checked once, on opening, and kept here; what is read later is data.
/// </summary>
internal sealed unsafe class RegionView
{
    private readonly byte* memory;
    private readonly ulong bytes;
    private readonly RegionReach? reach;
    private readonly ulong controlOffset;
    private readonly ulong countersOffset;
    private readonly ulong anchorsOffset;
    private readonly ulong slotsOffset;
    private readonly ulong chainsOffset;
    private readonly ulong ringsOffset;
    private readonly ulong learningOffset;

    /// <param name="memory">Start of the region; stays mapped, and of its size, as long as this object is used.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="reach">Makes accessible what is read or written; null where all of it is.</param>
    /// <exception cref="RegionFormatException">Not a region of this version.</exception>
    public RegionView(byte* memory, ulong bytes, RegionReach? reach = null)
    {
        if (bytes < RegionLayout.Page)
            throw new RegionFormatException($"the agent's region has {bytes} bytes, less than its header");
        reach?.Cover(0, RegionLayout.Page);
        RegionHeader header = *(RegionHeader*)memory;
        if (header.Magic != RegionLayout.Magic)
            throw new RegionFormatException("the agent's region does not begin with its magic number");
        AgentVersion = Text(header.AgentVersion, 32);
        if (header.Abi != RegionLayout.Abi || header.LayoutHash != RegionLayout.LayoutHash)
        {
            throw new RegionFormatException(
                $"the agent in the process (version {AgentVersion}, region layout {header.Abi}/{header.LayoutHash:x}) and this program " +
                $"(region layout {RegionLayout.Abi}/{RegionLayout.LayoutHash:x}) are of different builds; restart the process with this build's agent");
        }
        if (header.TotalBytes != bytes)
            throw new RegionFormatException($"the agent's region has {bytes} bytes where its header says {header.TotalBytes}");
        if (header.SlotCount == 0 || header.SlotCount > RegionLayout.Slots || header.AnchorCapacity == 0 || header.AnchorCapacity > RegionLayout.Anchors)
            throw new RegionFormatException("the agent's region names impossible table sizes");

        this.memory = memory;
        this.bytes = bytes;
        this.reach = reach;
        controlOffset = Section(header.ControlOffset, (ulong)sizeof(RegionControl), bytes, "control");
        countersOffset = Section(header.CountersOffset, RegionLayout.Counters * sizeof(ulong), bytes, "counters");
        anchorsOffset = Section(header.AnchorsOffset, header.AnchorCapacity * (ulong)sizeof(RegionAnchor), bytes, "anchors");
        slotsOffset = Section(header.SlotsOffset, header.SlotCount * (ulong)sizeof(RegionSlot), bytes, "slots");
        chainsOffset = Section(header.ChainsOffset, RegionLayout.ChainsBytes, bytes, "chains");
        ringsOffset = Section(header.RingsOffset, RegionLayout.RingsBytes, bytes, "rings");
        learningOffset = Section(header.LearningOffset, RegionLayout.LearningBytes, bytes, "learning");
        reach?.Cover(controlOffset, (ulong)sizeof(RegionControl));
        reach?.Cover(countersOffset, RegionLayout.Counters * sizeof(ulong));
        reach?.Cover(anchorsOffset, header.AnchorCapacity * (ulong)sizeof(RegionAnchor));
        reach?.Cover(slotsOffset, header.SlotCount * (ulong)sizeof(RegionSlot));
        reach?.Cover(learningOffset, (ulong)sizeof(RegionLearning));
        SlotCount = header.SlotCount;
        AnchorCapacity = header.AnchorCapacity;
        TargetPid = header.Pid;
        ThreadRootReturn = header.ThreadRootReturn;
        MainRootReturn = header.MainRootReturn;
        KernelTickNanos = header.KernelTickNs;
        RuntimeVersion = Text(header.RuntimeVersion, 32);
    }

    public uint SlotCount { get; }

    public uint AnchorCapacity { get; }

    /// <summary>In the target's own pid namespace.</summary>
    public uint TargetPid { get; }

    public ulong ThreadRootReturn { get; }

    public ulong MainRootReturn { get; }

    public ulong KernelTickNanos { get; }

    public string AgentVersion { get; }

    public string RuntimeVersion { get; }

    /// <summary>Slots from this one on have had no thread in the running session.</summary>
    public uint SlotsUsed => Math.Min(Volatile.Read(ref Control.SlotsUsed), SlotCount);

    public ref RegionControl Control => ref *(RegionControl*)(memory + controlOffset);

    /// <summary>Whether the agent has given up; <see cref="Error"/> says why.</summary>
    public bool Failed => (AgentState)Volatile.Read(ref Control.State) == AgentState.Failed;

    /// <summary>Why the agent failed, when its state says so.</summary>
    public string Error
    {
        get
        {
            fixed (byte* error = Control.Error)
                return Text(error, 256);
        }
    }

    /// <summary>What the agent's probes said of a clock; for <see cref="ClockKind.Auto"/>, which one it took and why.</summary>
    /// <param name="control">A copy: the texts of one session.</param>
    /// <param name="kind">Any of the enumeration's.</param>
    public static string ClockVerdict(in RegionControl control, ClockKind kind)
    {
        fixed (byte* verdicts = control.ClockVerdicts)
            return Text(verdicts + ((int)kind * (int)RegionLayout.VerdictBytes), (int)RegionLayout.VerdictBytes);
    }

    /// <summary>A session's engine, and why it.</summary>
    /// <param name="control">A copy: the text of one session.</param>
    public static string EngineReason(in RegionControl control)
    {
        fixed (byte* reason = control.EngineReason)
            return Text(reason, 192);
    }

    public ulong Counter(Counter counter) => Volatile.Read(ref ((ulong*)(memory + countersOffset))[(int)counter]);

    public RegionAnchor Anchor(ulong number) => ((RegionAnchor*)(memory + anchorsOffset))[number % AnchorCapacity];

    /// <param name="index">Below <see cref="SlotCount"/>.</param>
    public ref RegionSlot Slot(uint index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, SlotCount);
        return ref ((RegionSlot*)(memory + slotsOffset))[index];
    }

    /// <summary>The thread's name, or null while it is being written.</summary>
    public string? SlotName(uint index)
    {
        ref RegionSlot slot = ref Slot(index);
        uint before = Volatile.Read(ref slot.NameSequence);
        string name;
        fixed (byte* text = slot.Name)
            name = Text(text, 64);
        return (before & 1) == 0 && before == Volatile.Read(ref slot.NameSequence) ? name : null;
    }

    /// <summary>The ring that a slot names; of length 0 when it does not lie in the rings' section.</summary>
    /// <param name="index">Below <see cref="SlotCount"/>.</param>
    public Ring Ring(uint index)
    {
        ref RegionSlot slot = ref Slot(index);
        /* Read once: the target may write it at any time. */
        uint start = Volatile.Read(ref slot.RingStart);
        uint length = Volatile.Read(ref slot.RingRecords);
        bool fits = System.Numerics.BitOperations.IsPow2(length) && (ulong)start + length <= RegionLayout.RingsBytes / (ulong)sizeof(RegionRecord);
        if (!fits)
            return default;
        reach?.Cover(ringsOffset + (start * (ulong)sizeof(RegionRecord)), length * (ulong)sizeof(RegionRecord));
        return new Ring((RegionRecord*)(memory + ringsOffset) + start, length);
    }

    public ref RegionLearning Learning => ref *(RegionLearning*)(memory + learningOffset);

    /// <summary>An array of the learning section.</summary>
    /// <param name="at">Its place there, one of the layout's constants.</param>
    /// <param name="count">As the layout says.</param>
    public Span<T> LearningArray<T>(ulong at, uint count)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(at + (count * (ulong)sizeof(T)), RegionLayout.LearningBytes);
        reach?.Cover(learningOffset + at, count * (ulong)sizeof(T));
        return new Span<T>(memory + learningOffset + at, (int)count);
    }

    /// <summary>
    /// Lets go of the pages that were looked at. Any thread may, at any time: the region is shared, nothing in it changes.
    /// </summary>
    public void LetGo() => RegionInterop.LetGo(memory, bytes);

    /// <summary>Copies a chain's return addresses, innermost first.</summary>
    /// <returns>How many, or -1 when there is no such chain.</returns>
    public int ReadChain(uint chain, Span<ReturnAddress> returns)
    {
        ulong offset = (ulong)chain * RegionLayout.ChainUnit;
        if (chain == 0 || offset > RegionLayout.ChainsBytes - (ulong)sizeof(RegionChain))
            return -1;
        reach?.Cover(chainsOffset + offset, (ulong)sizeof(RegionChain));
        byte* at = memory + chainsOffset + offset;
        uint depth = ((RegionChain*)at)->Depth;
        if (depth == 0 || depth > RegionLayout.MaxDepth || depth > returns.Length ||
            offset + (ulong)sizeof(RegionChain) + depth * sizeof(ulong) > RegionLayout.ChainsBytes)
        {
            return -1;
        }
        reach?.Cover(chainsOffset + offset + (ulong)sizeof(RegionChain), depth * sizeof(ulong));
        ulong* words = (ulong*)(at + sizeof(RegionChain));
        for (uint i = 0; i < depth; i++)
            returns[(int)i] = new ReturnAddress(words[i]);
        return (int)depth;
    }

    private static ulong Section(ulong offset, ulong size, ulong total, string name)
    {
        if (offset % 8 != 0 || offset < (ulong)sizeof(RegionHeader) || offset > total || size > total - offset)
            throw new RegionFormatException($"the agent's region has its {name} section outside itself");
        return offset;
    }

    private static string Text(byte* field, int size)
    {
        /* Decoding goes over the bytes twice, and throws when they have changed in between: it works on a copy. */
        Span<byte> copy = stackalloc byte[size];
        new ReadOnlySpan<byte>(field, size).CopyTo(copy);
        int length = copy.IndexOf((byte)0);
        return Encoding.UTF8.GetString(length < 0 ? copy : copy[..length]);
    }
}
