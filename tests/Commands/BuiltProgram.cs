using System.Diagnostics;

namespace DotnetPprof.Tests.Commands;

/// <summary>The program as it was built, run as its users run it.</summary>
internal static class BuiltProgram
{
    private static readonly string s_folder = Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "..", "..", "collector", "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, "net10.0"));

    internal static string Dll => Path.Combine(s_folder, "dotnet-pprof.dll");

    internal static string DemoWorkload => Path.Combine(s_folder, "demo", "DemoWorkload.dll");

    internal static string DotnetHost => DotnetPprof.Commands.DemoCommand.DotnetHost();

    internal static (int ExitCode, string Output, string Error) Run(params string[] arguments) => Run(null, arguments);

    internal static (int ExitCode, string Output, string Error) Run(string? folder, string[] arguments)
    {
        var info = new ProcessStartInfo(DotnetHost, ["exec", Dll, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        using var process = Process.Start(info)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }

    /// <summary>Starts the workload, for the time of a test.</summary>
    internal static RunningWorkload StartWorkload() => new();
}

internal sealed class RunningWorkload : IDisposable
{
    private readonly Process _process = Process.Start(new ProcessStartInfo(BuiltProgram.DotnetHost, ["exec", BuiltProgram.DemoWorkload, "120"]))!;

    internal RunningWorkload()
    {
        // It can be found once its diagnostic port is there, and known once that answers.
        while (DotnetPprof.Session.DiagnosticPort.TryAskInfo(_process.Id) is null && !_process.HasExited) Thread.Sleep(10);
    }

    internal int Pid => _process.Id;

    internal Process Process => _process;

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
