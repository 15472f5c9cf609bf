using DotnetPprof.Aggregate;

namespace DotnetPprof.Drain;

/// <summary>One thread of the target from its first appearance in a slot to its end.</summary>
/// <param name="index">Its number within the capture.</param>
internal sealed class DrainedThread(int index, uint generation, uint tid, long cpuStartNanos, CpuSettlement settlement)
{
    public int Index { get; } = index;

    public uint Generation { get; } = generation;

    public uint Tid { get; } = tid;

    /// <summary>The thread's CPU clock when its sampling began.</summary>
    public long CpuStartNanos { get; } = cpuStartNanos;

    public CpuSettlement Settlement { get; } = settlement;

    public string Name { get; set; } = "";

    /// <summary>The slot's, when the name was last looked at; null before that.</summary>
    public uint? NameSequence { get; set; }
}
