namespace DotnetPprof.Session;

/// <summary>Has all leases of this program beat, by one timer: fifty of them are fifty wake-ups each time.</summary>
internal static class LeaseHeart
{
    /// <summary>The agent's patience is 3 s.</summary>
    private static readonly TimeSpan s_beat = TimeSpan.FromMilliseconds(500);

    private static readonly Lock s_gate = new();
    private static readonly List<OwnerLease> s_leases = [];
    private static readonly Timer s_timer = new(_ => Beat());

    public static void Add(OwnerLease lease)
    {
        lock (s_gate)
        {
            s_leases.Add(lease);
            if (s_leases.Count == 1)
                s_timer.Change(s_beat, s_beat);
        }
    }

    /// <summary>Afterwards the lease is not touched any more: its region may be unmapped.</summary>
    public static void Remove(OwnerLease lease)
    {
        lock (s_gate)
        {
            s_leases.Remove(lease);
            if (s_leases.Count == 0)
                s_timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private static void Beat()
    {
        lock (s_gate)
            s_leases.ForEach(lease => lease.Beat());
    }
}
