using DotnetPprof.Session;
using Spectre.Console;

namespace DotnetPprof.Commands;

/// <summary>What the commands work with, so that tests can put something else in its place.</summary>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
/// <param name="Captures">Starts captures.</param>
/// <param name="Agents">Tells whether processes have the agent.</param>
/// <param name="Profiles">Writes and reads profiles.</param>
/// <param name="AgentPath">Absolute path of the agent's library.</param>
internal sealed record CommandServices(
    IAnsiConsole Output,
    IAnsiConsole Error,
    ICaptureFactory Captures,
    IAgentProbe Agents,
    IProfileStore Profiles,
    string AgentPath)
{
    internal ProcessDiscovery Discovery => new(Agents);
}
