using DotnetPprof.Interop;
using DotnetPprof.Session;

namespace DotnetPprof.Serve;

/// <summary>
/// Gives back the memory that attaching leaves behind: a target's runtime tells of all its methods in megabytes of events,
/// and the garbage collector, left alone, keeps what that took for the next time.
/// </summary>
internal sealed class HeapTrim
{
    /// <summary>What the heap must have grown by. A collection of all costs some tenth of a second, the drains' included.</summary>
    private const long WorthwhileBytes = 24 << 20;

    /// <summary>Processes that ended, each of which left some megabytes; fewer wait until <see cref="s_longestAfterEnd"/>.</summary>
    private const int WorthwhileEnds = 8;

    private static readonly TimeSpan s_longestAfterEnd = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_betweenGrowths = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_betweenEnds = TimeSpan.FromSeconds(10);

    private long committed;
    private int ended;
    private TimeSpan last;

    /// <param name="now">Any clock that goes on steadily.</param>
    /// <param name="endedSoFar">How many processes have ended: each leaves what was known of its code.</param>
    public void Tend(TimeSpan now, int endedSoFar)
    {
        TimeSpan passed = now - last;
        bool hasGrown = passed >= s_betweenGrowths && Committed - committed >= WorthwhileBytes;
        bool hasLost = passed >= s_betweenEnds && (endedSoFar - ended >= WorthwhileEnds || (endedSoFar > ended && passed > s_longestAfterEnd));
        if (!hasGrown && !hasLost)
            return;
        LeaseHeart.BeatNow();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        AllocatorInterop.Trim();
        committed = Committed;
        last = now;
        ended = endedSoFar;
    }

    /// <summary>At the last collection, of which there is one every few megabytes.</summary>
    private static long Committed => GC.GetGCMemoryInfo(GCKind.Any).TotalCommittedBytes;
}
