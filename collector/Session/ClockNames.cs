using DotnetPprof.Region;

namespace DotnetPprof.Session;

/// <summary>The clocks as people write them.</summary>
internal static class ClockNames
{
    internal const string Default = "auto";

    /// <summary>The variable that stands in for the option.</summary>
    internal const string Variable = "DOTNET_PPROF_CLOCK";

    internal static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<ClockKind>().Select(Of)];

    internal static string All => string.Join(", ", Names);

    internal static string Of(ClockKind kind) => kind.ToString().ToLowerInvariant();

    /// <param name="name">One of <see cref="Names"/>.</param>
    internal static ClockKind Parse(string name) => Enum.Parse<ClockKind>(name, ignoreCase: true);
}
