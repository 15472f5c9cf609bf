namespace DotnetPprof.Session;

internal enum AgentPresence
{
    /// <summary>This user may not look into the process.</summary>
    Unknown,

    /// <summary>Not loaded.</summary>
    Absent,

    /// <summary>Loaded and sampling nothing.</summary>
    Asleep,

    /// <summary>Sampling for a collector.</summary>
    Sampling,

    /// <summary>Loaded, and of another build than this program.</summary>
    OtherVersion,
}

/// <summary>Finds out whether a process has the agent, without attaching to it.</summary>
internal interface IAgentProbe
{
    AgentPresence Probe(int pid);

    /// <summary>The clock of the last session of an agent of this build; null when there was none, or no such agent.</summary>
    ClockChoice? Clock(int pid);
}
