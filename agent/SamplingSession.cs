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
    private const uint ProbeShots = 32;
    private const long AnchorIntervalNs = 250_000_000;
    private const long MinimumScanIntervalNs = 250_000_000;
    private const long QuietPatienceNs = 1_000_000_000;

    /* A timer that is given back too rarely is worth more than a scan's cost of CPU. */
    private const long ScanCostFactor = 100;

    private readonly SharedRegion _region;
    private readonly SessionClock _clock;
    private readonly ThreadRegistry _registry;
    private readonly AnchorWriter _anchors;
    private readonly SlotTable _slots;
    private readonly TimerEngine _timers;
    private readonly PerfEngine _perf;
    private readonly ChainRetirement _chains;
    private readonly ForkQuiet _quiet = new();
    private uint _quietLifted;
    private BurstSchedule _bursts = new(0, 0, 0, Random.Shared);
    private long _nextAnchor;
    private long _nextScan;
    private ulong _eventsLostAtStart;
    private ulong _lateAtStart;
    private ulong _chainedAtStart;

    /// <param name="region">Where all of it goes.</param>
    /// <param name="clock">Chosen anew for each session.</param>
    /// <param name="registry">Says which threads there are.</param>
    /// <param name="perfTests">Bits (1 &lt;&lt; PerfTest) of what is to go wrong, for tests.</param>
    internal SamplingSession(SharedRegion region, SessionClock clock, ThreadRegistry registry, uint perfTests)
    {
        _region = region;
        _clock = clock;
        _registry = registry;
        _anchors = new AnchorWriter(region);
        _slots = new SlotTable(region);
        _timers = new TimerEngine(region, clock, _slots, _quiet);
        _perf = new PerfEngine(region, _slots, registry, perfTests);
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

    /// <summary>CLOCK_MONOTONIC when <see cref="Tend"/> is to be called at the latest.</summary>
    internal long WakeAt => Math.Min(Running ? _bursts.NextChange : long.MaxValue, _quiet.IsRaised ? _quiet.NextLook : long.MaxValue);

    /// <summary>Not while a dump may be under way: no timer can be set, not even to learn what a sample costs.</summary>
    internal bool CanStart(long now)
    {
        _quiet.Look(now);
        return !_quiet.IsRaised;
    }

    /// <summary>Starts sampling; false, with the reason in the control block, when this process cannot be sampled.</summary>
    internal bool Start(in SessionRequest request)
    {
        _quietLifted = HotPath.QuietLifted();
        var engine = EngineChoice.Make(request, ProbePerf, Size);
        string? failure = engine.Error ?? StartEngine(engine, request);
        if (failure is not null && engine.Kind == EngineKind.Perf && request.Engine == EngineKind.Auto)
            failure = StartEngine(EngineChoice.Instead(failure), request);
        if (failure is not null)
            return Fail(failure);
        RegionControl* control = _region.Control;
        _eventsLostAtStart = HotPath.EventsLost();
        _lateAtStart = HotPath.LateSignals();
        _chainedAtStart = HotPath.ChainedSignals();
        new Span<ulong>(_region.Counters, (int)RegionLayout.Counters).Clear();
        control->ChainsUsed = 0;
        control->Error[0] = 0;
        control->Session++;
        control->StartAnchor = control->AnchorCount;
        _anchors.Begin(_clock.Clock, control->ClockHz);
        control->StopTicks = 0;
        control->BurstEdges = 0;
        _bursts = new BurstSchedule(request.BurstNs, request.BurstPeriodNs, Libc.Now(Libc.ClockMonotonic), Random.Shared);
        if (!_bursts.IsOpen)
            _slots.Pause();
        /* Threads first seen after the clocks were read would have used the scan's time unsampled. */
        _registry.Scan();
        _registry.BeginSession();
        var start = CpuReading.Take(_clock.Clock, _perf.Pump, _registry.All);
        control->ProcessCpuStartNs = start.ProcessCpuNs;
        control->AgentCpuStartNs = start.AgentCpuNs;
        control->StartTicks = start.Ticks;
        Volatile.Write(ref control->State, (uint)AgentState.Sampling);

        /* Should there not be room for all, then for those that have worked most. */
        SampledThread[] busiestFirst = [.. _registry.All.OrderByDescending(thread => thread.CpuMark)];
        _slots.Cover(busiestFirst);
        for (int i = 0; i < busiestFirst.Length; i++)
            _slots.Open(busiestFirst[i], busiestFirst.Length - 1 - i);
        Running = true;
        _registry.Scan();
        long now = Libc.Now(Libc.ClockMonotonic);
        _nextAnchor = now + AnchorIntervalNs;
        _nextScan = now + MinimumScanIntervalNs;
        Publish();
        return true;
    }

    /// <summary>One step of the session's housekeeping; a few microseconds when there is nothing to do.</summary>
    internal void Tend(long now)
    {
        KeepQuiet(now);
        if (_bursts.Step(now))
        {
            if (_bursts.IsOpen)
                _slots.Resume();
            else
                _slots.Pause();
            _region.Control->BurstEdges++;
        }
        _slots.SettlePause();
        _slots.AnswerStackRequests(now);
        _slots.Settle();
        _slots.RetryRefused(now);
        _chains.Tend((uint)_slots.Threads.Count);
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
        HotPath.FindModules();
        if (!_quiet.IsRaised)
            _timers.Tend(now);
        _perf.Tend(now);
        Publish();
    }

    private void KeepQuiet(long now)
    {
        if (_quiet.IsRaised)
            _slots.BeginQuiet();
        _quiet.Look(now);
        if (HotPath.QuietLifted() == _quietLifted)
            return;
        _quietLifted = HotPath.QuietLifted();
        _slots.EndQuiet();
    }

    /// <summary>Takes all timers away and waits, a bounded time, until no handler is at work.</summary>
    internal void Stop()
    {
        Running = false;
        RegionControl* control = _region.Control;
        /* First no more samples, then the clocks: what a thread used after its last sample is charged to that. */
        _perf.Silence();
        foreach (SampledThread thread in _registry.All)
            _slots.Silence(thread);
        var stop = CpuReading.Take(_clock.Clock, _perf.Pump, _registry.All);
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
        Publish();
        _perf.Stop();
        _registry.EndSession();
        /* What the process did while the last handlers were waited for is not the session's. */
        control->ProcessCpuNs = stop.ProcessCpuNs;
        control->AgentCpuNs = stop.AgentCpuNs;
        Volatile.Write(ref control->State, (uint)AgentState.Asleep);
    }

    /// <summary>Takes all timers away without another thought, and then says why, as far as there is memory for it.</summary>
    internal void Abandon(Exception reason)
    {
        Running = false;
        _slots.DisarmAll();
        _perf.Stop();
        _registry.EndSession();
        Volatile.Write(ref _region.Control->State, (uint)AgentState.Failed);
        try
        {
            Fail("the agent met an unexpected error (" + reason.GetType().Name + ") and stopped sampling");
        }
        catch (OutOfMemoryException)
        {
        }
    }

    /// <summary>After the collector has drained the last of it.</summary>
    internal void Release()
    {
        _slots.End();
        _chains.End();
        _region.ReleaseSessionMemory();
    }

    /// <summary>All of an engine that can fail.</summary>
    /// <returns>What has failed, or null.</returns>
    private string? StartEngine(in EngineChoice engine, in SessionRequest request)
    {
        RegionControl* control = _region.Control;
        ulong cost = engine.SampleCostNs;
        ulong period;
        RateLimit limit;
        _timers.Begin(request);
        /* Before a sample's cost is measured, by taking some. */
        HotPath.ResetChains();
        if (!_chains.Begin())
            return "there is no memory for its stacks";
        if (engine.Kind == EngineKind.Perf)
        {
            _clock.ChooseKernels(request.Clock);
            control->ClockHz = 1_000_000_000;
            (period, limit) = _perf.Prepare(request, cost);
        }
        else
        {
            if (_clock.Choose(request.Clock) is { } failure)
                return failure;
            if (_timers.Prepare(out cost, out limit) is { } refusal)
                return refusal;
            period = _timers.Plan.PeriodNs(KernelTick.Nanoseconds);
        }
        HotPath.FindModules();
        _slots.Begin(_timers.Plan, period, request.BufferMegabytes);
        if (engine.Kind == EngineKind.Perf && _perf.Start(_timers.PrepareBeside) is { } refused)
            return refused;
        control->Engine = (uint)engine.Kind;
        SharedRegion.WriteText(control->EngineReason, 192, engine.Kind == EngineKind.Perf ? _perf.Description : TimerEngine.Description(engine.WhyTimer));
        control->NotPermittedNs = 0;
        control->PeriodNs = period;
        control->SampleCostNs = cost;
        control->LimitedBy = (uint)limit;
        return null;
    }

    private static (long Error, ulong CostNs) ProbePerf()
    {
        long error = HotPath.PerfProbe(ProbeShots, out ulong cost);
        return (error, cost);
    }

    private (int Threads, int Cpus) Size()
    {
        _registry.Scan();
        return (_registry.Count, OnlineCpus.Count());
    }

    /// <returns>False.</returns>
    private bool Fail(string reason)
    {
        RegionControl* control = _region.Control;
        SharedRegion.WriteText(control->Error, 256, reason);
        Volatile.Write(ref control->State, (uint)AgentState.Failed);
        return false;
    }

    private void Publish()
    {
        RegionControl* control = _region.Control;
        ulong* counters = stackalloc ulong[(int)RegionLayout.Counters];
        _slots.SumCounters(counters);
        counters[(int)Counter.LostEvents] = HotPath.EventsLost() - _eventsLostAtStart;
        counters[(int)Counter.LateSignals] += HotPath.LateSignals() - _lateAtStart;
        counters[(int)Counter.ChainedSignals] = HotPath.ChainedSignals() - _chainedAtStart;
        _timers.Publish(counters);
        _perf.Publish(counters);
        for (int i = 0; i < (int)RegionLayout.Counters; i++)
            _region.Counters[i] = counters[i];
        control->ChainsUsed = HotPath.ChainsUsed();
        control->AgentCpuNs = CpuReading.AgentCpu(_perf.Pump);
        /* One moment, as far as this thread keeps the CPU: what the process used up to a time is told from the two. */
        control->ProcessCpuNs = (ulong)Libc.Now(Libc.ClockProcessCpu);
        Volatile.Write(ref control->HeartbeatNs, (ulong)Libc.Now(Libc.ClockMonotonic));
    }
}
