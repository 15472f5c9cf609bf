using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>What tests/Native/build.sh and native/build.sh have left for the tests.</summary>
internal static class NativeBuild
{
    private const int Skipped = 77;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    /// <summary>The tests' own C programs and library.</summary>
    internal static string TestPath(string name) => Path.Combine(AppContext.BaseDirectory, "native", name);

    /// <summary>hot.o and the like.</summary>
    internal static string HotPath(string name) => Path.Combine(Root, "native", "bin", Configuration, "native", name);

    internal static string Agent => Path.Combine(Root, "agent", "bin", Configuration, "agent", "libdotnet-pprof-agent.so");

    private static string Configuration { get; } =
        new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/')).Parent?.Name ?? "Release";

    private static string Root { get; } = FindRoot();

    /// <summary>Runs one of the C programs to its end.</summary>
    internal static (int ExitCode, string Output, string Error) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(TestPath(program), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_patience))
        {
            process.Kill();
            return (-1, output.Result, "it hangs; " + error.Result);
        }
        return (process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Fails, or skips, as a scenario of hot_check.c does.</summary>
    internal static void RunScenario(string name)
    {
        (int code, string output, string error) = Run("hot_check", name);
        Assert.SkipWhen(code == Skipped, output);
        Assert.True(code == 0, $"exit code {code}: {error}");
    }

    [ModuleInitializer]
    internal static void ResolveShim() => NativeLibrary.SetDllImportResolver(
        typeof(NativeBuild).Assembly,
        (name, _, _) => name switch
        {
            Shim.Library => NativeLibrary.Load(TestPath("libshim.so")),
            "hotpath" => NativeLibrary.Load(HotPath("libhotpath.so")), /* what the agent's own sources ask for */
            _ => 0,
        });

    private static string FindRoot()
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "Profiler.sln")))
            at = at.Parent;
        return at?.FullName ?? throw new InvalidOperationException("the tests run outside the repository");
    }
}
