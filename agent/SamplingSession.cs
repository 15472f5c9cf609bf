using DotnetPprof.Agent.Clock;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// One run of sampling, from the collector's start to its stop. Everything happens on the agent's thread, in
/// <see cref="Tend"/>'s steps; only the handler works elsewhere.
/// </summary>
internal sealed unsafe class SamplingSession
{
    private const uint MinimumRingRecords = 1024;
    private const uint CalibrationShots = 32;
    private const long AnchorIntervalNs = 250_000_000;
    private const long WatchIntervalNs = 250_000_000;
    private const long CalibrationIntervalNs = 10_000_000_000;
    private const uint RecalibrationShots = 8;
    private const long MinimumScanIntervalNs = 250_000_000;
    private const int RateShift = 20; /* RATE_SHIFT in native/hot.h */

    /* A timer's interrupt may have to be passed on to the core that runs the thread. */
    private const ulong LateToleranceCosts = 4;
    private const long QuietPatienceNs = 1_000_000_000;

    /* A timer that is given back too rarely is worth more than a scan's cost of CPU. */
    private const long ScanCostFactor = 100;

    private readonly SharedRegion _region;
    private readonly SessionClock _clock;
    private readonly ThreadRegistry _registry;
    private readonly AnchorWriter _anchors;
    private readonly SlotTable _slots;
    private readonly Watchdog _watchdog;
    private readonly ChainRetirement _chains;
    private TimerPlan _plan;
    private uint _rateHz;
    private uint _maxOverheadPpm;
    private ulong _cost;
    private long _nextCalibration;
    private bool _isPerf;
    private uint _pump;
    private long _nextAnchor;
    private long _nextScan;
    private long _nextWatch;
    private ulong _eventsLostAtStart;
    private ulong _lateAtStart;
    private ulong _chainedAtStart;
    private uint _halvings;
    private uint _displaced;

    internal SamplingSession(SharedRegion region, SessionClock clock, ThreadRegistry registry)
    {
        _region = region;
        _clock = clock;
        _registry = registry;
        _anchors = new AnchorWriter(region);
        _slots = new SlotTable(region);
        _watchdog = new Watchdog(_slots);
        _chains = new ChainRetirement(region);
        registry.Started += thread =>
        {
            if (Running)
                _slots.Open(thread);
        };
        registry.Ended += (thread, cpu) =>
        {
            if (Running)
                _slots.Close(thread, cpu);
        };
        registry.Renamed += thread =>
        {
            if (Running)
                _slots.Rename(thread);
        };
    }

    internal bool Running { get; private set; }

    /// <summary>Starts sampling; false, with the reason in the control block, when this process cannot be sampled.</summary>
    internal bool Start(uint rateHz, uint maxOverheadPpm, EngineKind wanted, ClockKind wantedClock)
    {
        EngineChoice engine = EngineChoice.Make(wanted, wantedClock, CalibrationShots);
        RegionControl* control = _region.Control;
        _rateHz = rateHz;
        _maxOverheadPpm = maxOverheadPpm;
        if (engine.Error is { } reason)
            return Fail(reason);
        _isPerf = engine.Kind == EngineKind.Perf;
        _plan = default;
        ulong cost = engine.SampleCostNs;
        ulong period;
        RateLimit limit;
        if (_isPerf)
        {
            _clock.ChooseKernels();
            control->ClockHz = 1_000_000_000;
            period = EngineChoice.PerfPeriod(rateHz, cost, maxOverheadPpm, out limit);
        }
        else
        {
            if (_clock.Choose(wantedClock) is { } failure)
                return Fail(failure);
            if (PlanTimers(out cost, out limit) is { } refusal)
                return Fail(refusal);
            period = _plan.PeriodNs(KernelTick.Nanoseconds);
        }
        uint records = MinimumRingRecords;
        while (records < 1_000_000_000 / period)
            records *= 2;
        uint rings = (uint)Math.Min(RegionLayout.Slots, RegionLayout.RingsBytes / ((ulong)records * (ulong)sizeof(RegionRecord)));

        HotPath.FindModules();
        HotPath.ResetChains();
        if (!_chains.Begin(rings))
            return Fail("there is no memory for its stacks");
        _slots.Begin(_plan, records, rings);
        _halvings = 0;
        _displaced = 0;
        _eventsLostAtStart = HotPath.EventsLost();
        _lateAtStart = HotPath.LateSignals();
        _chainedAtStart = HotPath.ChainedSignals();
        new Span<ulong>(_region.Counters, (int)RegionLayout.Counters).Clear();

        _pump = 0;
        if (_isPerf && !StartPerf(period, ref engine))
            return Fail(engine.Error!);
        control->Engine = (uint)engine.Kind;
        SharedRegion.WriteText(control->EngineReason, 192, engine.Reason);
        control->NotPermittedNs = 0;
        control->PeriodNs = period;
        control->SampleCostNs = cost;
        control->LimitedBy = (uint)limit;
        control->RingRecords = records;
        control->RingCount = rings;
        control->ChainsUsed = 0;
        control->Error[0] = 0;
        control->Session++;
        control->StartAnchor = control->AnchorCount;
        _anchors.Begin(_clock.Clock, control->ClockHz);
        control->StopTicks = 0;
        /* Threads first seen after the clocks were read would have used the scan's time unsampled. */
        _registry.Scan();
        _registry.BeginSession();
        var start = CpuReading.Take(_clock.Clock, _pump, _registry.All);
        control->ProcessCpuStartNs = start.ProcessCpuNs;
        control->AgentCpuStartNs = start.AgentCpuNs;
        control->StartTicks = start.Ticks;
        Volatile.Write(ref control->State, (uint)AgentState.Sampling);

        /* Should there not be room for all, then for those that have worked most. */
        foreach (SampledThread thread in _registry.All.OrderByDescending(thread => thread.CpuMark))
            _slots.Open(thread);
        Running = true;
        _registry.Scan();
        long now = Libc.Now(Libc.ClockMonotonic);
        _nextAnchor = now + AnchorIntervalNs;
        _nextScan = now + MinimumScanIntervalNs;
        _nextWatch = now + WatchIntervalNs;
        _nextCalibration = now + CalibrationIntervalNs;
        _watchdog.Begin(cost);
        Publish(now);
        return true;
    }

    /// <summary>One step of the session's housekeeping; a few microseconds when there is nothing to do.</summary>
    internal void Tend(long now)
    {
        _slots.AnswerStackRequests(now);
        _slots.Settle();
        _chains.Tend();
        if (now >= _nextScan)
        {
            _registry.Scan();
            long after = Libc.Now(Libc.ClockMonotonic);
            _nextScan = after + Math.Max(MinimumScanIntervalNs, ScanCostFactor * (after - now));
        }
        if (now >= _nextAnchor)
        {
            _anchors.WriteIfTight();
            _nextAnchor = now + AnchorIntervalNs;
        }
        if (now >= _nextWatch)
        {
            _nextWatch = now + WatchIntervalNs;
            if (_plan.TickPeriodNs != 0 && HotPath.Installed() == 0)
                _displaced++;
            if (_watchdog.ThreadIsStarved())
                HalveRate();
        }
        HotPath.FindModules();
        if (now >= _nextCalibration && !_isPerf)
        {
            _nextCalibration = now + CalibrationIntervalNs;
            KeepCostCurrent();
        }
        Publish(now);
    }

    /// <summary>Takes all timers away and waits, a bounded time, until no handler is at work.</summary>
    internal void Stop()
    {
        Running = false;
        RegionControl* control = _region.Control;
        /* First no more samples, then the clocks: what a thread used after its last sample is charged to that. */
        if (_isPerf)
            HotPath.PerfSilence();
        foreach (SampledThread thread in _registry.All)
            _slots.Silence(thread);
        var stop = CpuReading.Take(_clock.Clock, _pump, _registry.All);
        foreach (SampledThread thread in _registry.All)
            _slots.Close(thread, thread.CpuMark);
        _slots.EndPerf();
        control->StopTicks = stop.Ticks;
        long now = Libc.Now(Libc.ClockMonotonic);
        long deadline = now + QuietPatienceNs;
        _slots.Settle();
        while (_slots.HasEnding && now < deadline)
        {
            Thread.Sleep(1);
            _slots.Settle();
            now = Libc.Now(Libc.ClockMonotonic);
        }
        _anchors.Write();
        Publish(now);
        if (_isPerf)
            HotPath.PerfStop();
        /* What the process did while the last handlers were waited for is not the session's. */
        control->ProcessCpuNs = stop.ProcessCpuNs;
        control->AgentCpuNs = stop.AgentCpuNs;
        Volatile.Write(ref control->State, (uint)AgentState.Asleep);
    }

    /// <summary>Takes all timers away without another thought, and says why.</summary>
    internal void Abandon(string reason)
    {
        Running = false;
        _slots.DisarmAll();
        HotPath.PerfStop();
        Fail("the agent met an unexpected error (" + reason + ") and stopped sampling");
    }

    /// <summary>After the collector has drained the last of it.</summary>
    internal void Release()
    {
        _slots.End();
        _region.ReleaseSessionMemory();
    }

    /// <summary>Installs the handler, measures what a sample costs by it, and plans.</summary>
    /// <returns>Why timers do not work here, or null.</returns>
    private string? PlanTimers(out ulong cost, out RateLimit limit)
    {
        limit = RateLimit.None;
        cost = 0;
        if (HotPath.Install(_region.Header->SignalNumber) == 0)
            return "the runtime's activation signal was not found, and no other signal is safe to sample on";
        RawClock clock = _clock.Clock;
        ulong startTicks = clock.Read();
        long startNs = Libc.Now(Libc.ClockMonotonic);
        cost = HotPath.CalibrateSampleCost(CalibrationShots);
        ulong ticks = clock.Read() - startTicks;
        ulong nanoseconds = (ulong)(Libc.Now(Libc.ClockMonotonic) - startNs);
        if (cost == 0)
            return "a timer signal to the agent's own thread did not arrive, so no rate is known to be safe (timers may be refused or RLIMIT_SIGPENDING used up)";
        SetRates(ticks, nanoseconds, cost);
        _region.Control->ClockHz = (ulong)((UInt128)ticks * 1_000_000_000 / nanoseconds);
        _cost = cost;
        _plan = TimerPlan.For(_rateHz, cost, _maxOverheadPpm, KernelTick.Nanoseconds, out limit);
        return null;
    }

    /// <summary>Timers for threads that the kernel has no room for; null when they do not work here.</summary>
    private TimerPlan? TimersBeside() => PlanTimers(out _, out _) is null ? _plan : null;

    private bool StartPerf(ulong period, ref EngineChoice engine)
    {
        long error = _slots.BeginPerf(new PerfSetup { PeriodNs = period, Descriptors = EngineChoice.Descriptors() }, TimersBeside);
        PerfStatus status = default;
        HotPath.PerfStatus(&status);
        engine = error == 0 ? engine.Started(status) : engine.Refused(error);
        _region.Control->StackBytes = status.StackBytes;
        _pump = status.PumpTid;
        if (_pump != 0)
            _registry.Exclude(_pump);
        return error == 0;
    }

    /// <summary>Tells the handler how ticks and nanoseconds relate; the calibration has just taken some milliseconds.</summary>
    private static void SetRates(ulong ticks, ulong nanoseconds, ulong cost)
    {
        if (ticks != 0)
            HotPath.SetRates((ticks << RateShift) / nanoseconds, (nanoseconds << RateShift) / ticks, LateToleranceCosts * cost);
    }

    /// <returns>False.</returns>
    private bool Fail(string reason)
    {
        RegionControl* control = _region.Control;
        SharedRegion.WriteText(control->Error, 256, reason);
        Volatile.Write(ref control->State, (uint)AgentState.Failed);
        return false;
    }

    private void HalveRate()
    {
        if (_plan.ShotPeriodNs == 0 || _plan.ShotPeriodNs >= KernelTick.Nanoseconds)
            return;
        Slow(_plan.ShotPeriodNs * 2, RateLimit.Watchdog);
        _halvings++;
    }

    /// <summary>
    /// Machines change under a process (a neighbour, a migration, a frequency): the cost is measured again, and a rate
    /// that has become too dear is lowered. It is not raised again, so that one capture has few rates.
    /// </summary>
    private void KeepCostCurrent()
    {
        ulong cost = HotPath.CalibrateSampleCost(RecalibrationShots);
        if (cost == 0)
        {
            /* Our signals do not arrive any more. Waiting for them takes a second of CPU time: once is enough. */
            _nextCalibration = long.MaxValue;
            return;
        }
        _region.Control->SampleCostNs = cost;
        _watchdog.Cost = cost;
        if (cost <= _cost + _cost / 4 || _plan.ShotPeriodNs == 0)
            return;
        _cost = cost;
        TimerPlan plan = TimerPlan.For(_rateHz, cost, _maxOverheadPpm, KernelTick.Nanoseconds, out RateLimit limit);
        ulong period = plan.PeriodNs(KernelTick.Nanoseconds);
        if (period > _plan.ShotPeriodNs)
            Slow(period, limit);
    }

    private void Slow(ulong period, RateLimit why)
    {
        _plan = _plan.WithShots(period, KernelTick.Nanoseconds);
        _slots.ChangePlan(_plan);
        _region.Control->PeriodNs = _plan.ShotPeriodNs;
        _region.Control->LimitedBy = (uint)why;
    }

    private void Publish(long now)
    {
        RegionControl* control = _region.Control;
        ulong* counters = stackalloc ulong[(int)RegionLayout.Counters];
        _slots.SumCounters(counters);
        counters[(int)Counter.LostEvents] = HotPath.EventsLost() - _eventsLostAtStart;
        counters[(int)Counter.LateSignals] += HotPath.LateSignals() - _lateAtStart;
        counters[(int)Counter.ChainedSignals] = HotPath.ChainedSignals() - _chainedAtStart;
        counters[(int)Counter.Halvings] = _halvings;
        counters[(int)Counter.Displaced] = _displaced;
        if (_isPerf)
            PublishPerf(counters);
        for (int i = 0; i < (int)RegionLayout.Counters; i++)
            _region.Counters[i] = counters[i];
        control->ProcessCpuNs = (ulong)Libc.Now(Libc.ClockProcessCpu);
        control->AgentCpuNs = CpuReading.AgentCpu(_pump);
        control->ChainsUsed = HotPath.ChainsUsed();
        control->HeartbeatNs = (ulong)now;
    }

    private void PublishPerf(ulong* counters)
    {
        PerfStatus status = default;
        HotPath.PerfStatus(&status);
        counters[(int)Counter.LostInKernel] = status.Lost;
        counters[(int)Counter.Throttled] = status.Throttled;
        counters[(int)Counter.SlotlessSamples] = status.Slotless;
        counters[(int)Counter.DamagedRecords] = status.Damaged;
        if (status.KernelExcluded != 0 && status.CountedNs > status.SampledNs)
            _region.Control->NotPermittedNs = status.CountedNs - status.SampledNs;
    }
}
