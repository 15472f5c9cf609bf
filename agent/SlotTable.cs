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
    private const long NoThread = -3; /* ESRCH */
    private const long NoTimer = -11; /* EAGAIN */

    private readonly Stack<uint> _free = new();
    private readonly List<SampledThread?> _threads = [];
    private readonly List<(uint Index, long CpuNs)> _ending = [];
    private readonly List<uint> _ended = [];
    private readonly ulong[] _past = new ulong[RegionLayout.Counters];
    private readonly StackMap _stacks = new();
    private readonly Random _random = new();
    private TimerPlan _plan;
    private Func<TimerPlan?>? _timersBeside;
    private bool _timersTried;
    private uint _spare;
    private long _nextLookup;
    private uint _ringRecords;
    private uint _ringCount;
    private uint _generation;

    internal IReadOnlyList<SampledThread?> Threads => _threads;

    /// <param name="plan">Not used where the kernel samples.</param>
    /// <param name="ringRecords">Records in each ring.</param>
    /// <param name="ringCount">Rings, and so slots.</param>
    internal void Begin(TimerPlan plan, uint ringRecords, uint ringCount)
    {
        _plan = plan;
        _timersBeside = null;
        _timersTried = false;
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

    /// <summary>Has the kernel sample, with one slot for all threads that have none of their own.</summary>
    /// <returns>0 or a negative errno.</returns>
    /// <param name="events">What the kernel is to do.</param>
    /// <param name="timers">Readies timers for the threads that it has no room for; null when there can be none.</param>
    internal long BeginPerf(PerfSetup events, Func<TimerPlan?> timers)
    {
        const long noMemory = -12; /* ENOMEM */
        _spare = _free.Pop();
        if (!HasRing(_spare))
            return noMemory;
        SlotSetup setup = Prepare(_spare, 0, 0, "other threads");
        long error = HotPath.PerfStart(&events, &setup);
        if (error != 0)
        {
            _free.Push(_spare);
            return error;
        }
        _timersBeside = timers;
        Volatile.Write(ref region.Slot(_spare)->State, (uint)SlotState.Live);
        return 0;
    }

    /// <summary>After the kernel was silenced.</summary>
    internal void EndPerf()
    {
        if (_timersBeside is null)
            return;
        _timersBeside = null;
        _ending.Add((_spare, -1));
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

    /// <summary>Has a thread sampled. One born during the session is charged from its first instruction.</summary>
    internal void Open(SampledThread thread)
    {
        long cpu = HotPath.ThreadCpuNs(thread.Tid);
        if (cpu < 0)
            return; /* gone already */
        if (!_free.TryPop(out uint index))
        {
            if (_timersBeside is not null && HotPath.PerfCover(thread.Tid) == 0)
                return;
            _past[(int)Counter.LostNoSlot]++;
            return;
        }

        if (!HasRing(index))
        {
            _free.Push(index);
            _past[(int)Counter.LostNoSlot]++;
            return;
        }
        RegionSlot* slot = region.Slot(index);
        SlotSetup setup = Prepare(index, thread.Tid, thread.BornInSession ? 0 : (ulong)(thread.CpuMark >= 0 ? thread.CpuMark : cpu), thread.Name);
        slot->ManagedId = thread.ManagedId;

        /* Live before armed: a record must never stand in a slot that looks free. */
        Volatile.Write(ref slot->State, (uint)SlotState.Live);
        if (Arm(thread, &setup) is < 0 and long error)
        {
            Volatile.Write(ref slot->State, (uint)SlotState.Free);
            _free.Push(index);
            if (error == NoTimer)
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
        _ending.Add((index, thread.IsTimed ? cpuNs : HotPath.PerfClose(index, thread.Tid, cpuNs)));
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
        if (_timersBeside is not null)
            AddCounts(_spare, new Span<ulong>(counters, (int)RegionLayout.Counters));
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

    private ulong RingBytes => (ulong)_ringRecords * (ulong)sizeof(RegionRecord);

    /// <summary>Whether there is memory for the slot's ring.</summary>
    private bool HasRing(uint index) => region.PopulateRing(index * RingBytes, RingBytes);

    /// <summary>Sets a slot of the region up, and what the C half is to know of it.</summary>
    private SlotSetup Prepare(uint index, uint tid, ulong cpuStartNs, string name)
    {
        RegionSlot* slot = region.Slot(index);
        slot->Generation = ++_generation;
        slot->Tid = tid;
        slot->ManagedId = 0;
        slot->CpuStartNs = cpuStartNs;
        slot->CpuNs = cpuStartNs;
        slot->Context = 0;
        slot->Head = slot->Tail; /* what an earlier session left is not this one's */
        WriteName(slot, name);
        return new SlotSetup
        {
            Index = index,
            Generation = _generation,
            Tid = tid,
            Random = (uint)_random.Next(1, int.MaxValue),
            RingOffset = index * RingBytes,
            RingRecords = _ringRecords,
            CpuNowNs = cpuStartNs,
        };
    }

    /// <summary>By the kernel's events where those are in use and there is room for them, else by timers.</summary>
    private long Arm(SampledThread thread, SlotSetup* setup)
    {
        thread.IsTimed = false;
        if (_timersBeside is not null)
        {
            long refused = HotPath.PerfOpen(setup);
            if (refused is 0 or NoThread)
                return refused;
            if (!_timersTried)
                _plan = _timersBeside() ?? default;
            _timersTried = true;
            if (_plan.TickPeriodNs == 0)
                return NoTimer;
            _past[(int)Counter.TimerThreads]++;
        }
        thread.IsTimed = true;
        setup->TickFirstNs = 1 + (ulong)_random.NextInt64((long)_plan.TickPeriodNs);
        setup->TickPeriodNs = _plan.TickPeriodNs;
        setup->ShotPeriodNs = _plan.ShotPeriodNs;
        setup->ShotsPerTick = _plan.ShotsPerTick;
        if (thread.StackPointer != 0 && FindStack(thread.StackPointer, thread.Tcb) is { } bounds)
            (setup->StackLow, setup->StackHigh) = (bounds.Low, bounds.High);
        return HotPath.Arm(setup);
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
