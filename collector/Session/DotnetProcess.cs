namespace DotnetPprof.Session;

/// <summary>A .NET process as `ps` lists it and as `collect` picks it.</summary>
/// <param name="Pid">As this process sees it.</param>
/// <param name="Name">The entry assembly's name, or the program's.</param>
/// <param name="RuntimeVersion">Null when the runtime did not answer.</param>
/// <param name="Agent">Whether the agent is there.</param>
/// <param name="CommandLine">The arguments, the program first.</param>
internal sealed record DotnetProcess(int Pid, string Name, string? RuntimeVersion, AgentPresence Agent, IReadOnlyList<string> CommandLine);
