using System.Runtime.InteropServices;

namespace DotnetPprof.Bench.Interop;

/// <summary>
/// A software task-clock event on one thread that samples its instruction pointer into a ring that nobody reads: mapped
/// read-only, the kernel writes over what is oldest. What is left of a profiler when all but the interrupt is taken away.
/// </summary>
internal sealed unsafe partial class PerfEvent : IDisposable
{
    private const int PerfEventOpen = 298; // x86-64
    private const ulong ExcludeKernel = 1 << 5;
    private const int RingBytes = 64 << 10;
    private const int Page = 4096;
    private const int Failed = -1;

    private readonly int descriptor;
    private readonly long period;
    private readonly void* ring;

    /// <param name="tid">Of any process that this user may trace.</param>
    /// <param name="periodNanos">Of the thread's CPU time.</param>
    /// <exception cref="BenchException">The kernel does not permit it.</exception>
    internal PerfEvent(int tid, long periodNanos)
    {
        period = periodNanos;
        descriptor = Open(tid, 0);
        if (descriptor < 0)
            descriptor = Open(tid, ExcludeKernel);
        if (descriptor < 0)
            throw new BenchException($"perf_event_open: {Marshal.GetLastPInvokeErrorMessage()} (kernel.perf_event_paranoid)");
        ring = Map(null, Page + RingBytes, 1, 1, descriptor, 0); // PROT_READ, MAP_SHARED
        if ((nint)ring == Failed)
            throw new BenchException($"the ring of a perf event: {Marshal.GetLastPInvokeErrorMessage()} (kernel.perf_event_mlock_kb)");
    }

    /// <summary>Samples so far: the event counts its own time.</summary>
    internal long Samples
    {
        get
        {
            long counted = 0;
            return Read(descriptor, &counted, sizeof(long)) == sizeof(long) ? counted / period : 0;
        }
    }

    public void Dispose()
    {
        Unmap(ring, Page + RingBytes);
        Close(descriptor);
    }

    private int Open(int tid, ulong flags)
    {
        var attributes = new Attributes
        {
            Type = 1, // PERF_TYPE_SOFTWARE
            Size = (uint)sizeof(Attributes),
            Config = 1, // PERF_COUNT_SW_TASK_CLOCK
            Period = (ulong)period,
            SampleType = 1, // PERF_SAMPLE_IP
            Flags = flags,
        };
        return (int)SystemCall(PerfEventOpen, &attributes, tid, -1, -1, 1UL << 3 /* PERF_FLAG_FD_CLOEXEC */);
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, void* attributes, long pid, long cpu, long group, ulong flags);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Map(void* at, nint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* at, nint length);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int descriptor, void* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    /// <summary>struct perf_event_attr as of PERF_ATTR_SIZE_VER0.</summary>
    private struct Attributes
    {
        internal uint Type;
        internal uint Size;
        internal ulong Config;
        internal ulong Period;
        internal ulong SampleType;
        internal ulong ReadFormat;
        internal ulong Flags;
        internal uint WakeupEvents;
        internal uint BreakpointType;
        internal ulong BreakpointAddress;
    }
}
