using DotnetPprof.Interop;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>A busy program that may do little: as another user, behind a seccomp filter, with small limits. It is told to end, and must.</summary>
internal sealed class RestrictedTarget : IDisposable
{
    internal const string Nobody = "65534";
    private const int ExitCode = 3;

    private readonly ChildProcess process;

    /// <param name="engine">Tests of perf are skipped where it is refused to everybody.</param>
    /// <param name="restrict">The program of that name, which restricts itself and becomes the target.</param>
    /// <param name="restrictions">Its options.</param>
    internal RestrictedTarget(string engine, CProgram restrict, params string[] restrictions)
    {
        Assert.SkipWhen(engine == "perf" && MachineInterop.TryPerfEvent(excludeKernel: true) != 0, "perf_event_open is refused here");
        Assert.SkipWhen(restrictions.Contains("-u") && !Environment.IsPrivilegedProcess, "another user's process needs root");
        process = new ChildProcess(restrict.Path, [.. restrictions, ProgramPaths.Dotnet, BuiltFiles.Program("Spin"), "2"]);
        process.WaitForLine("ready");
    }

    internal int Pid => process.Pid;

    internal void Finish()
    {
        process.Send("stop");
        Assert.Equal(ExitCode, process.WaitForExit());
    }

    public void Dispose() => process.Dispose();
}
