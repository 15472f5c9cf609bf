using System.Diagnostics;
using DotnetPprof.Tests.RealPrograms;

namespace DotnetPprof.Tests.Deploy;

/// <summary>The files under tools/deploy, and the tools that know whether they are right.</summary>
internal static class DeployFiles
{
    public static string Root { get; } = Path.GetFullPath(Path.Join(ProgramPaths.CollectorSources, ".."));

    public static string PathOf(string name) => Path.Join(Root, "tools/deploy", name);

    public static string Text(string name) => File.ReadAllText(PathOf(name));

    /// <returns>What the tool printed, and its exit code; null where it is not installed.</returns>
    public static (string Output, int Code)? Run(string tool, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd() + errors.Result;
            process.WaitForExit();
            return (output, process.ExitCode);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
