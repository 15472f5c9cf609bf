using System.Diagnostics;
using DotnetPprof.Interop;
using DotnetPprof.Session;

namespace DotnetPprof.Serve;

/// <summary>
/// Gives back the memory that attaching leaves behind: a target's runtime tells of all its methods in megabytes of events,
/// and the garbage collector, left alone, keeps what that took for the next time.
/// </summary>
/// <param name="committed">Bytes of the heap.</param>
/// <param name="collect">Collects all of it, and says how long that took.</param>
internal sealed class HeapTrim(Func<long> committed, Func<TimeSpan> collect)
{
    /// <summary>What the heap must have grown by, and by a tenth: a collection takes as long as there is much that stays.</summary>
    private const long WorthwhileBytes = 16 << 20;

    private const int WorthwhileShare = 10;

    /// <summary>Processes that ended, each of which left some megabytes; fewer wait until <see cref="s_longestAfterEnd"/>.</summary>
    private const int WorthwhileEnds = 8;

    /// <summary>
    /// How many times as long as the last collection took, itself included, there is none other. By the wall clock: when all
    /// targets burst at once and there is most to be given back, it also takes longest.
    /// </summary>
    private const int RestAfterPause = 3;

    private static readonly TimeSpan s_longestAfterEnd = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_betweenGrowths = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_betweenEnds = TimeSpan.FromSeconds(10);

    private long left;
    private int ended;
    private TimeSpan last;
    private TimeSpan pause;

    /// <summary>This process's.</summary>
    public static HeapTrim OfProcess() => new(Committed, Collect);

    /// <param name="now">Any clock that goes on steadily.</param>
    /// <param name="endedSoFar">How many processes have ended: each leaves what was known of its code.</param>
    public void Tend(TimeSpan now, int endedSoFar)
    {
        TimeSpan passed = now - last;
        if (passed < pause * RestAfterPause)
            return;
        bool hasGrown = passed >= s_betweenGrowths && committed() - left >= Math.Max(WorthwhileBytes, left / WorthwhileShare);
        bool hasLost = passed >= s_betweenEnds && (endedSoFar - ended >= WorthwhileEnds || (endedSoFar > ended && passed > s_longestAfterEnd));
        if (!hasGrown && !hasLost)
            return;
        pause = collect();
        left = committed();
        last = now;
        ended = endedSoFar;
    }

    /// <summary>At the last collection, of which there is one every few megabytes.</summary>
    private static long Committed() => GC.GetGCMemoryInfo(GCKind.Any).TotalCommittedBytes;

    private static TimeSpan Collect()
    {
        long began = Stopwatch.GetTimestamp();
        LeaseHeart.BeatNow();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        AllocatorInterop.Trim();
        return Stopwatch.GetElapsedTime(began);
    }
}
