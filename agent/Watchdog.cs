using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// Sees threads that live for being sampled: those whose samples cost most of their CPU time, and those that every
/// sample finds at the same instruction with the next one already due.
/// </summary>
internal sealed unsafe class Watchdog(SlotTable slots)
{
    private const uint StuckRun = 64;
    private const ulong MinimumSamples = 64;
    private const double StarvedShare = 0.8;

    private readonly Dictionary<SampledThread, (ulong Signals, long CpuNs)> _last = [];
    private readonly Dictionary<SampledThread, (ulong Signals, long CpuNs)> _now = [];

    /// <summary>What one sample takes from its thread, in nanoseconds.</summary>
    internal ulong Cost { get; set; }

    internal void Begin(ulong sampleCostNs)
    {
        Cost = sampleCostNs;
        _last.Clear();
    }

    internal bool ThreadIsStarved()
    {
        bool starved = false;
        _now.Clear();
        ulong* counts = stackalloc ulong[16];
        for (int i = 0; i < slots.Threads.Count; i++)
        {
            /* The kernel's own samples leave a thread its period in any case: they are timed from one's end to the next. */
            if (slots.Threads[i] is not { IsTimed: true } thread)
                continue;
            uint stuck = HotPath.Counts((uint)i, counts);
            ulong signals = counts[(int)Counter.Samples] + counts[(int)Counter.LostRingFull] + counts[(int)Counter.LateSignals];
            starved |= stuck >= StuckRun;
            bool known = _last.TryGetValue(thread, out (ulong Signals, long CpuNs) before);
            if (!known || signals - before.Signals < MinimumSamples)
            {
                /* Quiet threads cost no system call; the CPU clock is read from the first busy interval on. */
                _now[thread] = (signals, known && signals == before.Signals ? before.CpuNs : HotPath.ThreadCpuNs(thread.Tid));
                continue;
            }
            long cpu = HotPath.ThreadCpuNs(thread.Tid);
            _now[thread] = (signals, cpu);
            if (cpu > before.CpuNs && before.CpuNs >= 0)
                starved |= (signals - before.Signals) * (double)Cost > StarvedShare * (cpu - before.CpuNs);
        }
        _last.Clear();
        foreach ((SampledThread thread, (ulong, long) state) in _now)
            _last[thread] = state;
        return starved;
    }
}
