using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// Gives threads their slots, rings and timers for the length of a session. A slot goes from free to live to ended, and
/// becomes free again when the collector has said that the ended thread's ring is empty, or the session is over.
/// </summary>
internal sealed unsafe class SlotTable(SharedRegion region)
{
    private const long UnansweredIntervalNs = 500_000_000;

    private readonly Stack<uint> _free = new();
    private readonly List<SampledThread?> _threads = [];
    private readonly List<(uint Index, long CpuNs)> _ending = [];
    private readonly List<uint> _ended = [];
    private readonly ulong[] _past = new ulong[RegionLayout.Counters];
    private readonly StackMap _stacks = new();
    private readonly Random _random = new();
    private TimerPlan _plan;
    private long _nextLookup;
    private uint _ringRecords;
    private uint _ringCount;
    private uint _generation;

    internal IReadOnlyList<SampledThread?> Threads => _threads;

    internal void Begin(TimerPlan plan, uint ringRecords, uint ringCount)
    {
        _plan = plan;
        _ringRecords = ringRecords;
        _ringCount = ringCount;
        _free.Clear();
        _threads.Clear();
        _ending.Clear();
        _ended.Clear();
        Array.Clear(_past);
        End();
        for (uint i = ringCount; i > 0; i--)
        {
            /* A thread that was stopped inside the handler keeps its slot until it comes out. */
            if (HotPath.Quiet(i - 1) != 0)
                _free.Push(i - 1);
        }
        for (uint i = 0; i < ringCount; i++)
            _threads.Add(null);
    }

    internal void ChangePlan(TimerPlan plan)
    {
        _plan = plan;
        for (int i = 0; i < _threads.Count; i++)
        {
            if (_threads[i] is not null)
                HotPath.SetShotPeriod((uint)i, plan.ShotPeriodNs, plan.ShotsPerTick);
        }
    }

    /// <summary>Gives a thread its timers. One born during the session is charged from its first instruction.</summary>
    internal void Open(SampledThread thread)
    {
        long cpu = HotPath.ThreadCpuNs(thread.Tid);
        if (cpu < 0)
            return; /* gone already */
        if (!_free.TryPop(out uint index))
        {
            _past[(int)Counter.LostNoSlot]++;
            return;
        }

        ulong ringBytes = (ulong)_ringRecords * (ulong)sizeof(RegionRecord);
        if (!region.PopulateRing(index * ringBytes, ringBytes))
        {
            _free.Push(index);
            _past[(int)Counter.LostNoSlot]++;
            return;
        }
        RegionSlot* slot = region.Slot(index);
        slot->Generation = ++_generation;
        slot->Tid = thread.Tid;
        slot->ManagedId = thread.ManagedId;
        slot->CpuStartNs = thread.BornInSession ? 0 : (ulong)(thread.CpuMark >= 0 ? thread.CpuMark : cpu);
        slot->CpuNs = slot->CpuStartNs;
        slot->Context = 0;
        slot->Head = slot->Tail; /* what an earlier session left is not this one's */
        WriteName(slot, thread.Name);

        SlotSetup setup = default;
        setup.Index = index;
        setup.Generation = _generation;
        setup.Tid = thread.Tid;
        setup.Random = (uint)_random.Next(1, int.MaxValue);
        setup.RingOffset = index * ringBytes;
        setup.RingRecords = _ringRecords;
        setup.CpuNowNs = slot->CpuStartNs;
        setup.TickFirstNs = 1 + (ulong)_random.NextInt64((long)_plan.TickPeriodNs);
        setup.TickPeriodNs = _plan.TickPeriodNs;
        setup.ShotPeriodNs = _plan.ShotPeriodNs;
        setup.ShotsPerTick = _plan.ShotsPerTick;
        if (thread.StackPointer != 0 && FindStack(thread.StackPointer, thread.Tcb) is { } bounds)
            (setup.StackLow, setup.StackHigh) = (bounds.Low, bounds.High);

        /* Live before armed: a record must never stand in a slot that looks free. */
        Volatile.Write(ref slot->State, (uint)SlotState.Live);
        long error = HotPath.Arm(&setup);
        if (error != 0)
        {
            Volatile.Write(ref slot->State, (uint)SlotState.Free);
            _free.Push(index);
            if (error == -11)
                _past[(int)Counter.LostNoTimer]++;
            return;
        }
        thread.Slot = (int)index;
        _threads[(int)index] = thread;
        _past[(int)Counter.Threads]++;
    }

    internal void Rename(SampledThread thread)
    {
        if (thread.Slot >= 0)
            WriteName(region.Slot((uint)thread.Slot), thread.Name);
    }

    /// <summary>Takes a thread's timers away; <see cref="Close"/> is to follow.</summary>
    internal void Silence(SampledThread thread)
    {
        if (thread.Slot >= 0)
            HotPath.Disarm((uint)thread.Slot);
    }

    /// <summary>Takes a thread's timers away. Its slot ends once no handler is using it.</summary>
    internal void Close(SampledThread thread, long cpuNs)
    {
        if (thread.Slot < 0)
            return;
        uint index = (uint)thread.Slot;
        thread.Slot = -1;
        _threads[(int)index] = null;
        HotPath.Disarm(index);
        _ending.Add((index, cpuNs));
    }

    /// <summary>Ends the slots that have become quiet, and frees those the collector has drained.</summary>
    internal void Settle()
    {
        for (int i = _ending.Count - 1; i >= 0; i--)
        {
            (uint index, long cpuNs) = _ending[i];
            if (HotPath.Quiet(index) == 0)
                continue;
            _ending.RemoveAt(i);
            RegionSlot* slot = region.Slot(index);
            HotPath.ReportLost(index);
            AddCounts(index, _past);
            if (cpuNs >= 0)
                slot->CpuNs = Math.Max(slot->CpuNs, (ulong)cpuNs);
            Volatile.Write(ref slot->State, (uint)SlotState.Ended);
            _ended.Add(index);
        }
        for (int i = _ended.Count - 1; i >= 0; i--)
        {
            RegionSlot* slot = region.Slot(_ended[i]);
            if (Volatile.Read(ref slot->DrainedGeneration) != slot->Generation)
                continue;
            Volatile.Write(ref slot->State, (uint)SlotState.Free);
            _free.Push(_ended[i]);
            _ended.RemoveAt(i);
        }
    }

    internal bool HasEnding => _ending.Count > 0;

    /// <summary>Looks up the stacks that handlers asked for.</summary>
    internal void AnswerStackRequests(long now)
    {
        bool refreshed = false;
        bool unanswered = false;
        for (int i = 0; now >= _nextLookup && i < _threads.Count; i++)
        {
            if (_threads[i] is null || HotPath.StackWanted((uint)i, out ulong sp, out ulong tcb) == 0)
                continue;
            if (!refreshed)
                _stacks.Refresh();
            refreshed = true;
            StackBounds? found = _stacks.Find(sp, tcb);
            /* "Not known" lets the handler ask again, from wherever it is then. */
            HotPath.SetStack((uint)i, found?.Low ?? 0, found?.High ?? 0);
            unanswered |= found is null;
        }
        /* A thread on a stack of its own making asks at every sample: it does not get the mappings read every time. */
        if (unanswered)
            _nextLookup = now + UnansweredIntervalNs;
    }

    /// <summary>Sums the session's counters, those of threads that are gone included.</summary>
    internal void SumCounters(ulong* counters)
    {
        for (int i = 0; i < _past.Length; i++)
            counters[i] = _past[i];
        for (int i = 0; i < _threads.Count; i++)
        {
            if (_threads[i] is not null)
                AddCounts((uint)i, new Span<ulong>(counters, (int)RegionLayout.Counters));
        }
        foreach ((uint index, _) in _ending)
            AddCounts(index, new Span<ulong>(counters, (int)RegionLayout.Counters));
    }

    /// <summary>All slots are free for whoever comes next. None is armed and all are quiet.</summary>
    internal void End()
    {
        for (uint i = 0; i < RegionLayout.Slots; i++)
            Volatile.Write(ref region.Slot(i)->State, (uint)SlotState.Free);
    }

    internal void DisarmAll()
    {
        for (uint i = 0; i < _ringCount; i++)
            HotPath.Disarm(i);
        foreach (SampledThread? thread in _threads)
            thread?.Slot = -1;
        _threads.Clear();
    }

    private static void AddCounts(uint index, Span<ulong> sums)
    {
        ulong* counts = stackalloc ulong[16];
        HotPath.Counts(index, counts);
        for (int i = 0; i < 16; i++)
            sums[i] += counts[i];
    }

    private static void WriteName(RegionSlot* slot, string name)
    {
        slot->NameSequence |= 1;
        Thread.MemoryBarrier();
        SharedRegion.WriteText(slot->Name, 64, name);
        Volatile.Write(ref slot->NameSequence, slot->NameSequence + 1);
    }

    private StackBounds? FindStack(ulong sp, ulong tcb)
    {
        if (_stacks.TryCached(sp, tcb, out StackBounds bounds))
            return bounds;
        _stacks.Refresh();
        return _stacks.Find(sp, tcb);
    }
}
