using DotnetPprof.Model;

namespace DotnetPprof.Session;

/// <summary>The environment variables that make a runtime load the agent at its start.</summary>
internal static class AgentVariables
{
    internal const string Enable = "CORECLR_ENABLE_NOTIFICATION_PROFILERS";
    internal const string Profilers = "CORECLR_NOTIFICATION_PROFILERS";
    internal const string RichDebugInfo = "DOTNET_RichDebugInfo";

    /// <summary>How many milliseconds the agent may hold a launched process back for its collector.</summary>
    internal const string Launch = "DOTNET_PPROF_LAUNCH";

    internal const string AgentFile = "libdotnet-pprof-agent.so";
    internal const string AgentGuid = "{8f1b1a5e-6d0c-4b6f-9a54-64706f727031}";

    /// <summary>The agent travels beside the program.</summary>
    internal static string DefaultAgentPath => Path.Combine(AppContext.BaseDirectory, AgentFile);

    /// <param name="agentPath">Absolute path of the agent's library.</param>
    /// <param name="existingProfilers">Other notification profilers that are asked for already, null or empty for none.</param>
    internal static IReadOnlyList<(string Name, string Value)> For(string agentPath, string? existingProfilers)
    {
        // The runtime splits the list at ';' and each entry at '=', and knows no escape.
        if (agentPath.AsSpan().IndexOfAny("=;\n\r") >= 0)
            throw new UserError(ExitCode.Argument, $"the agent's path must not contain '=', ';' or a line break, and '{agentPath}' does; install dotnet-pprof elsewhere");
        if (!Path.IsPathFullyQualified(agentPath))
            throw new UserError(ExitCode.Argument, $"the agent's path must be absolute, and '{agentPath}' is not");
        return
        [
            (Enable, "1"),
            (Profilers, Append(agentPath, existingProfilers ?? "")),
            // Lets the runtime tell which methods were inlined where.
            (RichDebugInfo, "1"),
        ];
    }

    private static string Append(string agentPath, string existing)
    {
        var entries = existing.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(entry => !entry.EndsWith(AgentGuid, StringComparison.OrdinalIgnoreCase))
            .Append($"{agentPath}={AgentGuid}");
        // Without the last ';' the runtime silently loads nothing.
        return string.Concat(entries.Select(entry => entry + ";"));
    }
}
