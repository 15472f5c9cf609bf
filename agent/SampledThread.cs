namespace DotnetPprof.Agent;

/// <summary>A thread of this process, as the agent knows it.</summary>
internal sealed class SampledThread(uint tid)
{
    internal uint Tid { get; } = tid;

    /// <summary>The runtime's ThreadID; 0 for a native thread.</summary>
    internal ulong ManagedId { get; set; }

    internal string Name { get; set; } = "";

    internal ulong StackPointer { get; set; }

    internal ulong Tcb { get; set; }

    /// <summary>Whether it began while the running session sampled, so that all its CPU time belongs to that session.</summary>
    internal bool BornInSession { get; set; }

    /// <summary>Its CPU clock at the last <see cref="CpuReading"/> in nanoseconds; -1 for none, or when it was gone.</summary>
    internal long CpuMark { get; set; } = -1;

    /// <summary>The slot it has in the running session, or -1.</summary>
    internal int Slot { get; set; } = -1;

    /// <summary>Whether it has timers in the running session; else the kernel samples it.</summary>
    internal bool IsTimed { get; set; }

    /// <summary>The last scan that saw it.</summary>
    internal uint SeenInScan { get; set; }
}
