using System.Reflection;

namespace DotnetPprof.Soak;

/// <summary>Where the build put the programs; the project file says it.</summary>
internal static class BuiltPrograms
{
    internal static string Collector { get; } = Constant("CollectorPath");

    internal static string Agent { get; } = Path.Combine(Path.GetDirectoryName(Collector)!, "libdotnet-pprof-agent.so");

    internal static string Workload { get; } = Constant("WorkloadPath");

    private static string Constant(string key) =>
        Path.GetFullPath(typeof(BuiltPrograms).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(constant => constant.Key == key).Value!);
}
