namespace DotnetPprof.Session;

/// <summary>
/// Has all leases of this program beat, on one thread: fifty of them are fifty wake-ups each time. A thread of its own,
/// because a beat that comes late loses all targets at once, and the pool's threads may be at work for others.
/// </summary>
internal static class LeaseHeart
{
    /// <summary>A sixth of the agent's least patience.</summary>
    private static readonly TimeSpan s_beat = TimeSpan.FromMilliseconds(500);

    private static readonly object s_gate = new(); // to be waited at
    private static readonly List<OwnerLease> s_leases = [];
    private static Thread? s_thread;

    public static void Add(OwnerLease lease)
    {
        lock (s_gate)
        {
            s_leases.Add(lease);
            if (s_thread is null)
            {
                s_thread = new Thread(Beat) { Name = "lease", IsBackground = true };
                s_thread.Start();
            }
            Monitor.Pulse(s_gate);
        }
    }

    /// <summary>Afterwards the lease is not touched any more: its region may be unmapped.</summary>
    public static void Remove(OwnerLease lease)
    {
        lock (s_gate)
            s_leases.Remove(lease);
    }

    /// <summary>Before a moment in which no thread runs.</summary>
    public static void BeatNow()
    {
        lock (s_gate)
            s_leases.ForEach(lease => lease.Beat());
    }

    private static void Beat()
    {
        lock (s_gate)
        {
            while (true)
            {
                s_leases.ForEach(lease => lease.Beat());
                if (s_leases.Count > 0)
                    Monitor.Wait(s_gate, s_beat);
                else
                    Monitor.Wait(s_gate);
            }
        }
    }
}
