using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/* Where the kernel samples: events instead of timers, and one slot more. */
internal sealed unsafe partial class SlotTable
{
    /// <summary>Has the kernel sample, with one slot for all threads that have none of their own.</summary>
    /// <returns>0 or a negative errno.</returns>
    /// <param name="events">What the kernel is to do.</param>
    /// <param name="timers">Readies timers for the threads that it has no room for; null when there can be none.</param>
    internal long BeginPerf(PerfSetup events, Func<TimerPlan?> timers)
    {
        const long noMemory = -12; /* ENOMEM */
        _spare = _free.Pop();
        if (!TakeRing(_spare, 0))
            return noMemory;
        SlotSetup setup = Prepare(_spare, 0, 0, "other threads");
        long error = HotPath.PerfStart(&events, &setup);
        if (error != 0)
        {
            GiveBack(_spare);
            return error;
        }
        _timersBeside = timers;
        Volatile.Write(ref region.Slot(_spare)->State, (uint)SlotState.Live);
        return 0;
    }

    /// <summary>
    /// Has the kernel sample all these threads, if it is the kernel that samples, before <see cref="Open"/> is called for
    /// each. Should there not be room for all, then for the first ones.
    /// </summary>
    internal void Cover(IEnumerable<SampledThread> threads)
    {
        uint[] tids = [.. threads.Select(thread => thread.Tid)];
        if (_timersBeside is null)
            return;
        fixed (uint* first = tids)
            HotPath.PerfCoverAll(first, (uint)tids.Length);
    }

    /// <summary>Another period for all threads that the kernel samples. One that it has no room for any more gets timers.</summary>
    internal void RenewPerf(ulong periodNs)
    {
        HotPath.PerfRenew(periodNs);
        for (int i = 0; i < _threads.Count; i++)
        {
            if (_threads[i] is not { IsTimed: false } thread || HotPath.PerfCovers(thread.Tid) != 0)
                continue;
            long cpu = HotPath.ThreadCpuNs(thread.Tid);
            Close(thread, cpu);
            (thread.BornInSession, thread.CpuMark) = (false, cpu);
            Open(thread);
        }
    }

    /// <summary>After the kernel was silenced.</summary>
    internal void EndPerf()
    {
        if (_timersBeside is null)
            return;
        _timersBeside = null;
        _ending.Add((_spare, -1));
    }
}
