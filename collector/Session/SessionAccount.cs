using DotnetPprof.Drain;
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
        if (!IsCurrent)
            return;
        control = region.Control;
        for (int i = 0; i < counters.Length; i++)
            counters[i] = region.Counter((Counter)i);
    }
}
