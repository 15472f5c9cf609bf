using System.Numerics;
using DotnetPprof.Aggregate;
using DotnetPprof.Region;

namespace DotnetPprof.Drain;

/// <summary>
/// Empties the rings. Each ring has one producer (the sampled thread's handler, which releases <c>head</c>) and one
/// consumer (this, which releases <c>tail</c> after it has copied the records). The tail is kept here and only published
/// there.
/// </summary>
internal sealed class RegionDrain
{
    private const uint FewSlots = 64;

    private readonly RegionView region;
    private readonly ISettledSampleSink sink;

    /* By slot, for those that have ever had a thread. Ended: the generation of the last thread that was drained to its end. */
    private DrainedThread?[] current = [];
    private Ring[] rings = [];
    private ulong[] tails = [];
    private uint?[] ended = [];
    private readonly List<DrainedThread> threads = [];

    /// <param name="chains">Where the stacks that records name are kept.</param>
    public RegionDrain(RegionView region, KeptChains chains, ISettledSampleSink sink)
    {
        this.region = region;
        this.sink = sink;
        Chains = chains;
    }

    /// <summary>By index.</summary>
    public IReadOnlyList<DrainedThread> Threads => threads;

    /// <summary>Of all records drained so far.</summary>
    public KeptChains Chains { get; }

    /// <summary>Records drained so far.</summary>
    public long Records { get; private set; }

    /// <summary>
    /// Rings whose head lay further ahead than the ring is long, or that did not lie where rings do: what they held is not
    /// known.
    /// </summary>
    public long CorruptRings { get; private set; }

    /// <summary>CPU time that threads are known to have used without a sample to show for it, in nanoseconds.</summary>
    public long UnattributedNanos => threads.Sum(thread => thread.Settlement.UnattributedNanos);

    /// <summary>Takes what is there now.</summary>
    /// <returns>How full the fullest ring was, 0 to 1.</returns>
    public double Drain()
    {
        double fullest = 0;
        uint used = region.SlotsUsed;
        if (used > current.Length)
            MakeRoom(used);
        for (uint slot = 0; slot < used; slot++)
        {
            ref RegionSlot shared = ref region.Slot(slot);
            /* The generation before the state: were the slot freed and given to another thread in between, that one would
               be taken for ended. The state before the head: what an ended thread's ring holds then is all it will ever
               hold. */
            uint generation = Volatile.Read(ref shared.Generation);
            var state = (SlotState)Volatile.Read(ref shared.State);
            /* An ended thread stays in its slot until the agent looks again; its account is closed. */
            if (state == SlotState.Free || (state == SlotState.Ended && ended[slot] == generation))
                continue;
            DrainedThread thread = ThreadIn(slot, ref shared);
            fullest = Math.Max(fullest, DrainRing(slot, ref shared, thread));
            if (state == SlotState.Ended)
                EndThread(slot, ref shared, thread);
        }
        return fullest;
    }

    /// <summary>After the last drain: settles what the threads that still live have used.</summary>
    public void Finish()
    {
        for (uint slot = 0; slot < current.Length; slot++)
        {
            /* Where the session was lost, the slot may be another session's thread's. */
            if (current[slot] is { } thread && region.Slot(slot).Generation == thread.Generation)
                Settle(thread, ref region.Slot(slot));
            current[slot] = null;
        }
    }

    private void MakeRoom(uint slots)
    {
        int length = (int)Math.Min(region.SlotCount, BitOperations.RoundUpToPowerOf2(Math.Max(slots, FewSlots)));
        Array.Resize(ref current, length);
        Array.Resize(ref rings, length);
        Array.Resize(ref tails, length);
        Array.Resize(ref ended, length);
    }

    private DrainedThread ThreadIn(uint slot, ref RegionSlot shared)
    {
        uint generation = shared.Generation;
        DrainedThread? thread = current[slot];
        if (thread is null || thread.Generation != generation)
        {
            /* Its end was not seen: what it had counts without CPU time. */
            thread?.Settlement.Flush(null);
            thread = new DrainedThread(
                threads.Count, generation, shared.Tid, Saturated(shared.CpuStartNs), new CpuSettlement(threads.Count, sink));
            threads.Add(thread);
            current[slot] = thread;
            rings[slot] = region.Ring(slot);
            tails[slot] = Volatile.Read(ref shared.Tail);
            if (rings[slot].Length == 0)
                CorruptRings++;
        }
        TakeName(slot, ref shared, thread);
        return thread;
    }

    private void TakeName(uint slot, ref RegionSlot shared, DrainedThread thread)
    {
        uint sequence = Volatile.Read(ref shared.NameSequence);
        if (sequence == thread.NameSequence || region.SlotName(slot) is not { } name)
            return;
        thread.NameSequence = sequence;
        if (name.Length > 0)
            thread.Name = name;
    }

    private double DrainRing(uint slot, ref RegionSlot shared, DrainedThread thread)
    {
        Ring ring = rings[slot];
        if (ring.Length == 0)
            return 0;
        ulong tail = tails[slot];
        ulong head = Volatile.Read(ref shared.Head);
        ulong waiting = head - tail;
        if (waiting > ring.Length)
        {
            CorruptRings++;
            tail = head;
        }
        for (; tail != head; tail++)
        {
            RegionRecord record = ring[tail];
            record.Chain = Chains.Keep(record.Chain, record.Generation);
            thread.Settlement.Add(record);
            Records++;
        }
        tails[slot] = tail;
        Volatile.Write(ref shared.Tail, tail);
        return Math.Min((double)waiting / ring.Length, 1);
    }

    private void EndThread(uint slot, ref RegionSlot shared, DrainedThread thread)
    {
        Settle(thread, ref shared);
        current[slot] = null;
        ended[slot] = thread.Generation;
        Volatile.Write(ref shared.DrainedGeneration, thread.Generation);
    }

    private static void Settle(DrainedThread thread, ref RegionSlot shared) =>
        thread.Settlement.Flush(Saturated(shared.CpuNs) - thread.CpuStartNanos - thread.Settlement.SettledNanos - thread.Settlement.GapNanos);

    private static long Saturated(ulong nanos) => (long)Math.Min(nanos, long.MaxValue / 4);
}
