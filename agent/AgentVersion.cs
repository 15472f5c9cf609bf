using System.Reflection;

namespace DotnetPprof.Agent;

internal static class AgentVersion
{
    internal static string Text { get; } =
        typeof(AgentVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
