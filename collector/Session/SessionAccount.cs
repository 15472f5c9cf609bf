using DotnetPprof.Clock;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Session;

/// <summary>
/// What the agent says about one sampling session, as last seen while the session was ours: once the lease is lost, the
/// region may speak of another collector's.
/// </summary>
internal sealed class SessionAccount
{
    private readonly RegionView region;
    private readonly ulong session;
    private readonly ulong[] counters = new ulong[RegionLayout.Counters];
    private RegionControl control;

    /// <summary>Of the session that has just started.</summary>
    public SessionAccount(RegionView region)
    {
        this.region = region;
        session = region.Control.Session;
        Refresh();
    }

    /// <summary>Whether what is in the region is still this session's.</summary>
    public bool IsCurrent => Volatile.Read(ref region.Control.Session) == session;

    public ref readonly RegionControl Control => ref control;

    public ulong Counter(Counter counter) => counters[(int)counter];

    public void Refresh()
    {
        /* The agent publishes the heartbeat last: where it has not moved, what was copied belongs together. */
        for (int attempt = 0; attempt < 3 && IsCurrent; attempt++)
        {
            ulong heartbeat = Volatile.Read(ref region.Control.HeartbeatNs);
            control = region.Control;
            for (int i = 0; i < counters.Length; i++)
                counters[i] = region.Counter((Counter)i);
            if (Volatile.Read(ref region.Control.HeartbeatNs) == heartbeat)
                return;
        }
    }

    /// <summary>At the session's start.</summary>
    public SessionReading AtStart(TickMap clock) => new(
        clock.ToMonotonic(new Ticks(control.StartTicks)), Bounded(control.ProcessCpuStartNs), Bounded(control.AgentCpuStartNs), 0, new ulong[counters.Length], 0);

    /// <summary>As last refreshed: at the session's stop, or at the agent's last heartbeat.</summary>
    public SessionReading Latest(TickMap clock, long corrupt) => new(
        control.StopTicks != 0 ? clock.ToMonotonic(new Ticks(control.StopTicks)) : new MonotonicNanos(Bounded(control.HeartbeatNs)),
        Bounded(control.ProcessCpuNs),
        Bounded(control.AgentCpuNs),
        Bounded(control.NotPermittedNs),
        [.. counters],
        corrupt);

    private static long Bounded(ulong nanos) => (long)Math.Min(nanos, long.MaxValue / 4);
}
