using DotnetPprof.Region;

namespace DotnetPprof.Model;

/// <summary>A stack as the agent interned it.</summary>
/// <param name="Leaf">Where the thread was.</param>
/// <param name="Chain">The callers' id in the capture (KeptChains), 0 when there are none.</param>
/// <param name="Stop">Why the walk ended.</param>
/// <param name="InKernel">Whether the kernel was at work for the thread; the leaf is then where it was called.</param>
/// <param name="BeforeRules">Whether it was walked before the rules for some of its frames were in force.</param>
public readonly record struct StackKey(InstructionPointer Leaf, uint Chain, StopReason Stop, bool InKernel = false, bool BeforeRules = false)
{
    /// <summary>No stack: what a thread used between two bursts of sampling.</summary>
    public static StackKey BetweenBursts { get; } = new(default, uint.MaxValue, StopReason.Root);
}

/// <summary>A sample whose share of its thread's CPU time is known.</summary>
/// <param name="Thread">Index of the thread within the capture, never reused.</param>
/// <param name="Stack">Where it was, or null for samples that were lost to a full ring.</param>
/// <param name="Time">When the sample was taken.</param>
/// <param name="Count">Stack samples it stands for: 1, or more when they were lost.</param>
/// <param name="CpuNanos">CPU time it stands for.</param>
public readonly record struct SettledSample(int Thread, StackKey? Stack, Ticks Time, long Count, long CpuNanos);
