using System.Runtime.InteropServices;

namespace DotnetPprof.Bench.Interop;

internal static unsafe partial class Libc
{
    internal const int ClockMonotonic = 1;
    private const int ClockThreadCpu = 3;
    private const int ResourceUsageOfChildren = -1;

    /// <summary>SIGTERM.</summary>
    internal const int Terminate = 15;

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    internal static partial int ClockGettime(int clock, Timespec* time);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    internal static partial int ClockGettimeNoTransition(int clock, Timespec* time);

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static partial int GetResourceUsage(int who, long* usage);

    [LibraryImport("libc", EntryPoint = "gettid")]
    internal static partial int ThreadId();

    [LibraryImport("libc", EntryPoint = "kill")]
    internal static partial int Kill(int pid, int signal);

    /// <summary>Seconds of CPU time, user and system, of all children that have ended and been waited for.</summary>
    internal static double ChildrenCpuSeconds()
    {
        // struct rusage: user and system time as seconds and microseconds, then fourteen numbers.
        long* usage = stackalloc long[18];
        if (GetResourceUsage(ResourceUsageOfChildren, usage) != 0)
            throw new InvalidOperationException("getrusage failed");
        return usage[0] + usage[2] + (usage[1] + usage[3]) / 1e6;
    }

    /// <summary>CPU time of the calling thread: unlike the wall clock it does not run while others have the core.</summary>
    internal static ulong ThreadCpuNanoseconds()
    {
        Timespec time;
        if (ClockGettime(ClockThreadCpu, &time) != 0)
            throw new InvalidOperationException("clock_gettime failed");
        return (ulong)time.Seconds * 1_000_000_000 + (ulong)time.Nanoseconds;
    }

    /// <summary>CLOCK_MONOTONIC.</summary>
    internal static long MonotonicNanoseconds()
    {
        Timespec time;
        if (ClockGettime(ClockMonotonic, &time) != 0)
            throw new InvalidOperationException("clock_gettime failed");
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }

    internal struct Timespec
    {
        internal long Seconds;
        internal long Nanoseconds;
    }
}
