namespace DotnetPprof.Bench.Processes;

/// <summary>The <c>dotnet-trace</c> tool. Installed once, and kept.</summary>
internal static class DotnetTraceTool
{
    private const string Tool = "dotnet-trace";

    private static readonly TimeSpan patience = TimeSpan.FromSeconds(60);

    private static readonly string folder = Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create), "dotnet-pprof-bench", "tools");

    /// <summary>Its path.</summary>
    /// <exception cref="BenchException">It could not be installed.</exception>
    internal static string Installed()
    {
        string path = Path.Combine(folder, Tool);
        if (File.Exists(path))
            return path;
        using ChildProgram install = ChildProgram.Start("dotnet", "tool", "install", Tool, "--tool-path", folder);
        if (install.WaitForExit(patience) != 0)
            throw new BenchException($"{Tool} could not be installed: {install.Complaint}");
        return path;
    }
}
