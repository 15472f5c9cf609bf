using System.Runtime.InteropServices;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>
/// Reads a process's CPU clock (what getrusage adds up) from outside, every few milliseconds: what the process had used
/// at any moment of a capture, without asking it or the profiler.
/// </summary>
internal sealed unsafe partial class CpuWitness : IDisposable
{
    private const int ClockRealtime = 0;
    private readonly List<(long UnixNanos, long CpuNanos)> readings = [];
    private readonly ManualResetEventSlim stopping = new();
    private readonly Thread reader;
    private readonly int clock;

    public CpuWitness(int pid)
    {
        clock = (~pid << 3) | 2; // linux/posix-timers_types.h: a process's CPUCLOCK_SCHED
        Read();
        reader = new Thread(() =>
        {
            while (!stopping.Wait(2))
                Read();
        })
        { Name = "cpu witness", IsBackground = true };
        reader.Start();
    }

    /// <summary>CPU time used between two moments that have passed since this was made.</summary>
    public long Between(long fromUnixNanos, long toUnixNanos)
    {
        /* The reader may be waiting for a CPU. */
        Read();
        lock (readings)
            return At(toUnixNanos) - At(fromUnixNanos);
    }

    /// <summary>By how much that may be wrong: what was used between the readings before and after either moment.</summary>
    public long Doubt(long fromUnixNanos, long toUnixNanos)
    {
        lock (readings)
            return Around(fromUnixNanos) + Around(toUnixNanos);

        long Around(long unixNanos)
        {
            int next = Next(unixNanos);
            return readings[next].CpuNanos - readings[next - 1].CpuNanos;
        }
    }

    public void Dispose()
    {
        stopping.Set();
        reader.Join();
        stopping.Dispose();
    }

    private void Read()
    {
        /* Between two readings of the wall clock; the tightest of a few, for this thread can lose its CPU in between. */
        long tightest = long.MaxValue;
        (long UnixNanos, long CpuNanos) best = default;
        for (int i = 0; i < 3; i++)
        {
            long before = Now(ClockRealtime);
            long cpu = Now(clock);
            long after = Now(ClockRealtime);
            if (cpu < 0)
                return;
            if (after - before < tightest)
            {
                tightest = after - before;
                best = (before + (tightest / 2), cpu);
            }
        }
        lock (readings)
        {
            if (readings.Count == 0 || best.UnixNanos > readings[^1].UnixNanos)
                readings.Add(best);
        }
    }

    private long At(long unixNanos)
    {
        int next = Next(unixNanos);
        (long beforeTime, long beforeCpu) = readings[next - 1];
        (long afterTime, long afterCpu) = readings[next];
        return beforeCpu + (long)((double)(afterCpu - beforeCpu) * (unixNanos - beforeTime) / Math.Max(1, afterTime - beforeTime));
    }

    private int Next(long unixNanos)
    {
        int next = readings.FindIndex(reading => reading.UnixNanos >= unixNanos);
        return next > 0
            ? next
            : throw new InvalidOperationException($"the moment {unixNanos} was not watched; {readings[0].UnixNanos} to {readings[^1].UnixNanos} was");
    }

    private static long Now(int id)
    {
        long* time = stackalloc long[2];
        return ClockGetTime(id, time) == 0 ? (time[0] * 1_000_000_000) + time[1] : -1;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, long* time);
}
