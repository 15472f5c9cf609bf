using System.Reflection;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Where the build put the programs that tests start; the project file says it.</summary>
internal static class ProgramPaths
{
    /// <summary>The product, as a user would run it.</summary>
    public static string Collector { get; } = Constant("CollectorPath");

    public static string CollectorSources { get; } = Constant("CollectorSources");

    /// <summary>The SDK that built the tests.</summary>
    public static string Sdk { get; } = Constant("SdkDirectory");

    public static string Dotnet { get; } = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet";

    public static string TestProgram(string name) => Constant("TestProgramPath").Replace("NAME", name, StringComparison.Ordinal);

    private static string Constant(string key) =>
        typeof(ProgramPaths).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(constant => constant.Key == key).Value!;
}
