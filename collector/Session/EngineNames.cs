using DotnetPprof.Region;

namespace DotnetPprof.Session;

/// <summary>The engines as people write them.</summary>
internal static class EngineNames
{
    internal const string Default = "auto";

    /// <summary>The variable that stands in for the option.</summary>
    internal const string Variable = "DOTNET_PPROF_ENGINE";

    internal static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<EngineKind>().Select(kind => kind.ToString().ToLowerInvariant())];

    internal static string All => string.Join(", ", Names);

    /// <param name="name">One of <see cref="Names"/>.</param>
    internal static EngineKind Parse(string name) => Enum.Parse<EngineKind>(name, ignoreCase: true);
}
