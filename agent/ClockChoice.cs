using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>The clock that samples are stamped with, and why it was taken.</summary>
internal sealed unsafe class ClockChoice
{
    private readonly delegate* unmanaged[SuppressGCTransition]<ulong> _read;

    private ClockChoice(ClockKind kind, string reason)
    {
        Kind = kind;
        Reason = reason;
        Pointer = HotPath.ClockPointer((uint)kind);
        _read = (delegate* unmanaged[SuppressGCTransition]<ulong>)Pointer;
    }

    internal ClockKind Kind { get; }

    internal string Reason { get; }

    /// <summary>What the signal handler calls.</summary>
    internal void* Pointer { get; }

    /// <summary>The clock's ticks, now.</summary>
    internal ulong Read() => _read();

    /// <summary>
    /// The time stamp counter where it is invariant and the kernel itself keeps time by it, having checked that it runs
    /// alike on all cores; else CLOCK_MONOTONIC from the vDSO.
    /// </summary>
    internal static ClockChoice Make()
    {
        string source = ReadText("/sys/devices/system/clocksource/clocksource0/current_clocksource").Trim();
        if (source != "tsc")
            return new ClockChoice(ClockKind.Vdso, $"vdso: the kernel's clock source is {(source.Length == 0 ? "unknown" : source)}, not tsc");
        string flags = CpuFlags();
        if (!flags.Contains(" constant_tsc ", StringComparison.Ordinal) || !flags.Contains(" nonstop_tsc ", StringComparison.Ordinal))
            return new ClockChoice(ClockKind.Vdso, "vdso: the time stamp counter is not invariant");
        return new ClockChoice(ClockKind.Tsc, "tsc: invariant, and the kernel's clock source");
    }

    private static string CpuFlags()
    {
        string info = ReadText("/proc/cpuinfo");
        int start = info.IndexOf("\nflags", StringComparison.Ordinal);
        if (start < 0)
            return "";
        int end = info.IndexOf('\n', start + 1);
        return info[start..(end < 0 ? info.Length : end)] + " ";
    }

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
