namespace DotnetPprof.Agent;

/// <summary>Why there is no agent in this process; <paramref name="errno"/> reaches the client of a failed attach.</summary>
internal sealed class AgentFailure(int errno, string message) : Exception(message)
{
    internal int Errno { get; } = errno;
}
