using System.Globalization;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// Sampling by the kernel: the period that follows from a sample's cost, starting it, what it says of itself, and its end.
/// Threads' events are <see cref="SlotTable"/>'s to ask for.
/// </summary>
/// <param name="region">Where it is published.</param>
/// <param name="slots">Of the threads.</param>
/// <param name="registry">Is not to take the pump for a thread of the application's.</param>
/// <param name="tests">Bits (1 &lt;&lt; PerfTest) of what is to go wrong.</param>
internal sealed unsafe class PerfEngine(SharedRegion region, SlotTable slots, ThreadRegistry registry, uint tests)
{
    private const uint RecalibrationShots = 8;
    private const long CalibrationIntervalNs = 10_000_000_000;

    private SessionRequest _request;
    private PerfPlan _plan;
    private ulong _cost;
    private long _nextCalibration;

    internal bool Running { get; private set; }

    /// <summary>The thread that reads the kernel's rings, or 0.</summary>
    internal uint Pump { get; private set; }

    /// <summary>What it is and what it was given, for people.</summary>
    internal string Description { get; private set; } = "";

    internal PerfPlan Prepare(in SessionRequest request, ulong costNs)
    {
        _request = request;
        _cost = costNs;
        return _plan = PerfPlan.For(request, costNs, LimitOfKernel());
    }

    /// <summary>As prepared.</summary>
    /// <param name="timersBeside">Readies timers for threads that the kernel has no room for.</param>
    /// <returns>Why the kernel does not sample, or null.</returns>
    internal string? Start(Func<TimerPlan?> timersBeside)
    {
        long error = slots.BeginPerf(new PerfSetup { PeriodNs = _plan.PeriodNs, IsLate = Wishes(PerfTest.Late) ? 1u : 0 }, timersBeside);
        PerfStatus status = default;
        HotPath.PerfStatus(&status);
        Pump = status.PumpTid;
        if (Pump != 0)
            registry.Exclude(Pump);
        if (error != 0)
            return $"the perf engine could not start: {EngineChoice.ExplainStart(error)}";
        Running = true;
        _nextCalibration = Libc.Now(Libc.ClockMonotonic) + CalibrationInterval;
        region.Control->StackBytes = status.StackBytes;
        Description = Describe(status);
        return null;
    }

    internal void Tend(long now)
    {
        if (!Running || now < _nextCalibration)
            return;
        _nextCalibration = now + CalibrationInterval;
        KeepCostCurrent();
    }

    /// <summary>No more samples; what there is has been handed over.</summary>
    internal void Silence()
    {
        if (Running)
            HotPath.PerfSilence();
    }

    internal void Stop()
    {
        Running = false;
        HotPath.PerfStop();
    }

    internal void Publish(ulong* counters)
    {
        if (!Running)
            return;
        PerfStatus status = default;
        HotPath.PerfStatus(&status);
        counters[(int)Counter.LostInKernel] = status.Lost;
        counters[(int)Counter.Throttled] = status.Throttled;
        counters[(int)Counter.SlotlessSamples] = status.Slotless;
        counters[(int)Counter.DamagedRecords] = status.Damaged;
        if (status.KernelExcluded != 0 && status.CountedNs > status.SampledNs)
            region.Control->NotPermittedNs = status.CountedNs - status.SampledNs;
    }

    private long CalibrationInterval => Wishes(PerfTest.Dear) ? CalibrationIntervalNs / 10 : CalibrationIntervalNs;

    private bool Wishes(PerfTest test) => (tests & (1u << (int)test)) != 0;

    /// <summary>As <see cref="TimerEngine"/> does: a rate that has become too dear is lowered, and stays so.</summary>
    private void KeepCostCurrent()
    {
        /* There may be no descriptor or memory for a trial just now: then the cost stays what it was. */
        if (HotPath.PerfProbe(RecalibrationShots, out ulong cost) != 0 || cost == 0)
            return;
        if (Wishes(PerfTest.Dear))
            cost *= 4;
        region.Control->SampleCostNs = cost;
        if (cost <= _cost + (_cost / 4))
            return;
        _cost = cost;
        PerfPlan plan = PerfPlan.For(_request, cost, LimitOfKernel());
        if (plan.PeriodNs <= _plan.PeriodNs)
            return;
        _plan = plan;
        slots.RenewPerf(plan.PeriodNs);
        region.Control->PeriodNs = plan.PeriodNs;
        region.Control->LimitedBy = (uint)plan.Limit;
    }

    private static string Describe(PerfStatus status) => string.Create(
        CultureInfo.InvariantCulture,
        $"perf: the kernel's task-clock events, no signals; {status.StackBytes} bytes of stack a sample, {status.RingBytes >> 10} KiB of ring a CPU; kernel time {(status.KernelExcluded != 0 ? "not permitted" : "included")}");

    private static ulong LimitOfKernel() =>
        ulong.TryParse(EngineChoice.Setting("perf_event_max_sample_rate"), CultureInfo.InvariantCulture, out ulong hertz) ? hertz : 0;
}
