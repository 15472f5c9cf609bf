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

    /// <summary>What the last session of an agent of this build had; null when there was none, or no such agent.</summary>
    SessionChoices? LastSession(int pid);
}

/// <summary>What the agent has chosen for a session, in its own words.</summary>
/// <param name="Engine">Which one, and why.</param>
/// <param name="Clock">Likewise.</param>
/// <param name="Displaced">Whether it found another signal handler in front of its own.</param>
internal sealed record SessionChoices(string Engine, ClockChoice Clock, bool Displaced);
