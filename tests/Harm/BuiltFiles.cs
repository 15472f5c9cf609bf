namespace DotnetPprof.Tests.Harm;

/// <summary>Where the build has put what tests start. Programs are not copied beside the tests: they have files of their own.</summary>
internal static class BuiltFiles
{
    /* tests/bin/CONFIGURATION/FRAMEWORK/ */
    private static readonly DirectoryInfo s_output = new(AppContext.BaseDirectory.TrimEnd('/'));
    private static readonly string s_tests = s_output.Parent!.Parent!.Parent!.FullName;

    internal static string Collector => Path.Combine(Path.GetDirectoryName(s_tests)!, "collector", Output, "dotnet-pprof.dll");

    internal static string Agent => Path.Combine(Path.GetDirectoryName(Collector)!, "libdotnet-pprof-agent.so");

    internal static string Program(string name) => Path.Combine(s_tests, "HarmPrograms", name, Output, name + ".dll");

    private static string Output => Path.Combine("bin", s_output.Parent!.Name, s_output.Name);
}
