using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// Gives threads their slots, rings and timers for the length of a session. A slot goes from free to live to ended, and
/// becomes free again when the collector has said that the ended thread's ring is empty, or the session is over.
/// </summary>
internal sealed unsafe partial class SlotTable(SharedRegion region)
{
    private const long RetryIntervalNs = 1_000_000_000;
    private const long NoThread = -3; /* ESRCH */
    private const long NoTimer = -11; /* EAGAIN */

    private readonly Stack<uint> _free = new();
    private readonly List<SampledThread?> _threads = [];
    private readonly List<(uint Index, long CpuNs)> _ending = [];
    private readonly List<uint> _ended = [];
    private readonly RingSpace _space = new();
    private readonly RingBlock[] _rings = new RingBlock[RegionLayout.Slots];

    /* Threads that there was no slot, ring or timer for when they were last tried. */
    private readonly HashSet<SampledThread> _refused = [];
    private bool _hasRoom;
    private long _nextRetry;

    private readonly ulong[] _past = new ulong[RegionLayout.Counters];
    private readonly StackRequests _stacks = new();
    private readonly SignalRoom _signals = new();
    private readonly Random _random = new();
    private TimerPlan _plan;
    private Func<TimerPlan?>? _timersBeside;
    private bool _timersTried;
    private uint _spare;
    private uint _generation;

    /// <summary>By slot, as far as slots have been used in this session.</summary>
    internal IReadOnlyList<SampledThread?> Threads => _threads;

    /// <param name="plan">Not used where the kernel samples.</param>
    /// <param name="periodNs">Between two samples of a busy thread.</param>
    /// <param name="bufferMegabytes">What the rings may take.</param>
    internal void Begin(TimerPlan plan, ulong periodNs, uint bufferMegabytes)
    {
        _plan = plan;
        _timersBeside = null;
        _timersTried = false;
        _isPaused = false;
        _isQuiet = false;
        _pausing.Clear();
        _free.Clear();
        _refused.Clear();
        _threads.Clear();
        _ending.Clear();
        _ended.Clear();
        Array.Clear(_past);
        End();
        var kept = new List<RingBlock>();
        for (uint i = RegionLayout.Slots; i > 0; i--)
        {
            /* A thread that was stopped inside the handler keeps its slot, and ring, until it comes out. */
            if (HotPath.Quiet(i - 1) == 0)
                kept.Add(_rings[i - 1]);
            else
                _free.Push(i - 1);
        }
        _space.Begin(periodNs, bufferMegabytes, kept);
        region.Control->SlotsUsed = 0;
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

    /// <summary>
    /// Has a thread sampled. One born during the session is charged from its first instruction. One that there is no room
    /// for is counted, and tried again by <see cref="RetryRefused"/>.
    /// </summary>
    /// <param name="thread">Without a slot.</param>
    /// <param name="others">Threads that are to be opened right after it: all want their share of the rings' room.</param>
    internal void Open(SampledThread thread, int others = 0)
    {
        if (TryOpen(thread, others) is not { } reason)
            return;
        _refused.Add(thread);
        bool isSampled = reason == Counter.LostNoSlot && _timersBeside is not null && HotPath.PerfCover(thread.Tid) == 0;
        if (!isSampled)
            _past[(int)reason]++;
    }

    /// <summary>Tries threads again that were refused: when a slot has become free, and now and then for the sake of timers.</summary>
    internal void RetryRefused(long now)
    {
        if (_refused.Count == 0 || (!_hasRoom && now < _nextRetry))
            return;
        _hasRoom = false;
        _nextRetry = now + RetryIntervalNs;
        foreach (SampledThread thread in _refused)
        {
            if (_timersBeside is null)
            {
                /* What it has used unsampled is no sample's. */
                thread.BornInSession = false;
                thread.CpuMark = -1;
            }
            if (TryOpen(thread, 0) is not null)
                return;
            _refused.Remove(thread);
        }
    }

    /// <returns>What there was not enough of, or null: it has a slot, or is gone.</returns>
    private Counter? TryOpen(SampledThread thread, int others)
    {
        long cpu = HotPath.ThreadCpuNs(thread.Tid);
        if (cpu < 0)
            return null;
        if (!_free.TryPop(out uint index))
            return Counter.LostNoSlot;
        if (!TakeRing(index, others))
        {
            _free.Push(index);
            return Counter.LostNoSlot;
        }
        RegionSlot* slot = region.Slot(index);
        SlotSetup setup = Prepare(index, thread.Tid, thread.BornInSession ? 0 : (ulong)(thread.CpuMark >= 0 ? thread.CpuMark : cpu), thread.Name);
        slot->ManagedId = thread.ManagedId;

        /* Live before armed: a record must never stand in a slot that looks free. */
        Volatile.Write(ref slot->State, (uint)SlotState.Live);
        if (Arm(thread, &setup) is < 0 and long error)
        {
            Volatile.Write(ref slot->State, (uint)SlotState.Free);
            GiveBack(index);
            return error == NoTimer ? Counter.LostNoTimer : null;
        }
        if ((_isPaused || _isQuiet) && thread.IsTimed)
            HotPath.Pause(index, isNew: 1, GapKind);
        thread.Slot = (int)index;
        _threads[(int)index] = thread;
        _past[(int)Counter.Threads]++;
        return null;
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
        _refused.Remove(thread);
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
            HotPath.EndPause(index, cpuNs);
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
            GiveBack(_ended[i]);
            _hasRoom = true;
            _ended.RemoveAt(i);
        }
    }

    internal bool HasEnding => _ending.Count > 0;

    /// <summary>Looks up the stacks that handlers asked for.</summary>
    internal void AnswerStackRequests(long now) => _stacks.Answer((uint)_threads.Count, now);

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
        for (uint i = 0; i < _threads.Count; i++)
            HotPath.Disarm(i);
        foreach (SampledThread? thread in _threads)
            thread?.Slot = -1;
        _threads.Clear();
    }

    /// <summary>Gives the slot a ring, if there is room and memory for one.</summary>
    private bool TakeRing(uint index, int others)
    {
        if (!_space.TryTake(others, out RingBlock ring))
            return false;
        if (!region.PopulateRing(ring.OffsetBytes, ring.Bytes))
        {
            _space.Give(ring);
            return false;
        }
        _rings[index] = ring;
        while (_threads.Count <= index)
            _threads.Add(null);
        region.Control->SlotsUsed = (uint)_threads.Count;
        return true;
    }

    private void GiveBack(uint index)
    {
        _space.Give(_rings[index]);
        _free.Push(index);
    }

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
        slot->RingStart = _rings[index].Start;
        slot->RingRecords = _rings[index].Records;
        WriteName(slot, name);
        return new SlotSetup
        {
            Index = index,
            Generation = _generation,
            Tid = tid,
            Random = (uint)_random.Next(1, int.MaxValue),
            RingOffset = _rings[index].OffsetBytes,
            RingRecords = _rings[index].Records,
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
        if (!_signals.TryTake(_plan.ShotPeriodNs != 0 ? 2u : 1))
            return NoTimer;
        thread.IsTimed = true;
        setup->TickFirstNs = FirstTick();
        setup->TickPeriodNs = _plan.TickPeriodNs;
        setup->ShotPeriodNs = _plan.ShotPeriodNs;
        setup->ShotsPerTick = _plan.ShotsPerTick;
        if (thread.StackPointer != 0 && _stacks.Find(thread.StackPointer, thread.Tcb) is { } bounds)
            (setup->StackLow, setup->StackHigh) = (bounds.Low, bounds.High);
        return HotPath.Arm(setup);
    }

    private ulong FirstTick() => 1 + (ulong)_random.NextInt64((long)_plan.TickPeriodNs);

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
}
