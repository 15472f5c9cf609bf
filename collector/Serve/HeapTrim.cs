using DotnetPprof.Interop;

namespace DotnetPprof.Serve;

/// <summary>
/// Gives back the memory that attaching leaves behind: a target's runtime tells of all its methods in megabytes of events,
/// and the garbage collector, left alone, keeps what that took for the next time.
/// </summary>
internal sealed class HeapTrim
{
    /// <summary>What a collection of all is worth: it costs some tenth of a second, the drains' included.</summary>
    private const long WorthwhileBytes = 64 << 20;

    /// <summary>Of what attaching allocates most is garbage that outlived the small collections, and there is more by the second.</summary>
    private const long WorthwhileBytesAttaching = 48 << 20;

    /// <summary>Processes that ended, each of which left some megabytes; fewer wait until <see cref="s_longestAfterEnd"/>.</summary>
    private const int WorthwhileEnds = 8;

    private static readonly TimeSpan s_longestAfterEnd = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_between = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_betweenAttaching = TimeSpan.FromSeconds(6);

    private long allocated;
    private int ended;
    private TimeSpan last;
    private bool hasAttached;

    /// <param name="now">Any clock that goes on steadily.</param>
    /// <param name="isAttaching">Whether some process is being attached to.</param>
    /// <param name="endedSoFar">How many processes have ended: each leaves what was known of its code.</param>
    public void Tend(TimeSpan now, bool isAttaching, int endedSoFar)
    {
        hasAttached |= isAttaching;
        long all = GC.GetTotalAllocatedBytes();
        TimeSpan passed = now - last;
        bool hasAllocated = all - allocated >= (hasAttached ? WorthwhileBytesAttaching : WorthwhileBytes);
        bool hasLost = endedSoFar - ended >= WorthwhileEnds || (endedSoFar > ended && passed > s_longestAfterEnd);
        if (passed < (hasAttached ? s_betweenAttaching : s_between) || !(hasAllocated || hasLost))
            return;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        AllocatorInterop.Trim();
        allocated = all;
        last = now;
        ended = endedSoFar;
        hasAttached = isAttaching;
    }
}
