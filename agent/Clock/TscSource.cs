using System.Runtime.Intrinsics.X86;
using DotnetPprof.Agent.Interop;

namespace DotnetPprof.Agent.Clock;

/// <summary>The time stamp counter, where it can be trusted as a clock.</summary>
internal static unsafe class TscSource
{
    private const string KernelClockSource = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

    /* Advanced power management information: EDX bit 8, the counter runs at one rate in all power states. */
    private const uint PowerManagementLeaf = 0x8000_0007;
    private const int InvariantTscBit = 1 << 8;

    /// <param name="pointer">The thunk that reads it.</param>
    /// <param name="note">What the probe could not look at, for the verdict's end.</param>
    /// <returns>Why it cannot be trusted, or null.</returns>
    internal static string? Open(out void* pointer, out string note)
    {
        pointer = null;
        note = "";
        if (!X86Base.IsSupported || !IsInvariant())
            return "the processor does not say that its time stamp counter is invariant (CPUID leaf 0x80000007)";
        /* The kernel checks the counter all the time against another clock, and leaves it for good when it strays. */
        string source = ReadText(KernelClockSource);
        if (source != "tsc")
            return $"the kernel's clock source is {(source.Length == 0 ? "unknown" : source)}, not tsc";
        if (Libc.IsTscForbidden())
            return "this process may not read the time stamp counter (PR_SET_TSC)";
        pointer = TscThunk.Get(out string? failure);
        return failure ?? CoreHandOff.Check(new RawClock(Region.ClockKind.Tsc, pointer), out note);
    }

    private static bool IsInvariant() =>
        (uint)X86Base.CpuId(unchecked((int)0x8000_0000), 0).Eax >= PowerManagementLeaf
        && (X86Base.CpuId(unchecked((int)PowerManagementLeaf), 0).Edx & InvariantTscBit) != 0;

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
