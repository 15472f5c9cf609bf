using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace DotnetPprof.Interop;

/// <summary>Asks the kernel what it allows, by trying.</summary>
internal static unsafe partial class MachineInterop
{
    internal const int RlimitNoFile = 7;
    internal const int RlimitMemLock = 8;
    internal const int RlimitSigPending = 11;
    internal const ulong Unlimited = ulong.MaxValue;

    private const int ClockMonotonicCoarse = 6;
    private const int PerfEventOpenX64 = 298;

    [StructLayout(LayoutKind.Sequential)]
    private struct Rlimit
    {
        public ulong Soft;
        public ulong Hard;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetRlimit(int resource, Rlimit* limit);

    [LibraryImport("libc", EntryPoint = "clock_getres", SetLastError = true)]
    private static partial int ClockGetRes(int clock, Timespec* resolution);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, byte* attributes, long pid, long cpu, long group, long flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    /// <summary>The limit that applies now, or null when it cannot be read.</summary>
    internal static ulong? SoftLimit(int resource)
    {
        Rlimit limit;
        return GetRlimit(resource, &limit) == 0 ? limit.Soft : null;
    }

    /// <summary>The kernel's tick: the coarse clock advances by exactly one of them.</summary>
    internal static long? KernelTickNanos()
    {
        Timespec resolution;
        return ClockGetRes(ClockMonotonicCoarse, &resolution) == 0 ? resolution.Seconds * 1_000_000_000 + resolution.Nanoseconds : null;
    }

    /// <summary>Opens and closes the event that the perf engine needs, on ourselves; gives 0 or the errno.</summary>
    internal static int TryPerfEvent(bool excludeKernel)
    {
        const int size = 112; // PERF_ATTR_SIZE_VER5
        const ulong disabled = 1, excludeKernelBit = 1 << 5, excludeHypervisorBit = 1 << 6;
        byte* attributes = stackalloc byte[size];
        var span = new Span<byte>(attributes, size);
        span.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(span, 1); // PERF_TYPE_SOFTWARE
        BinaryPrimitives.WriteInt32LittleEndian(span[4..], size);
        BinaryPrimitives.WriteInt64LittleEndian(span[8..], 1); // PERF_COUNT_SW_TASK_CLOCK
        BinaryPrimitives.WriteInt64LittleEndian(span[16..], 10_000_000); // period in ns
        BinaryPrimitives.WriteInt64LittleEndian(span[24..], 1); // PERF_SAMPLE_IP
        BinaryPrimitives.WriteUInt64LittleEndian(span[40..], disabled | (excludeKernel ? excludeKernelBit | excludeHypervisorBit : 0));
        long descriptor = SystemCall(PerfEventOpenX64, attributes, 0, -1, -1, 8 /* PERF_FLAG_FD_CLOEXEC */);
        if (descriptor < 0) return Marshal.GetLastPInvokeError();
        Close((int)descriptor);
        return 0;
    }
}
