using System.Diagnostics;
using DotnetPprof.Interop;
using Xunit;

namespace DotnetPprof.Tests.Commands;

/// <summary>The built program from its command line to the file it leaves.</summary>
public class CollectProgramTests
{
    [Fact]
    public void TheDemoLeavesAProfileThatReportReads()
    {
        using var folder = new TestFolder();
        var demo = BuiltProgram.Run(folder.FullPath, ["demo", "-d", "8"]);
        Assert.Equal("", demo.Error);
        Assert.Equal(0, demo.ExitCode);
        Assert.Equal(["demo.pb.gz"], folder.Files);
        Assert.Contains("Top functions by self time", demo.Output);

        /* On a busy machine the runtime's own start can fill the table that is shown; the file has everything. */
        var report = BuiltProgram.Run("report", folder["demo.pb.gz"], "topN", "-n", "200", "--inclusive", "-v");
        Assert.Equal(0, report.ExitCode);
        Assert.Contains("DemoWorkload.OrderFeed.Work()", report.Output);
    }

    [Theory]
    [InlineData(ProcessInterop.SigInt)]
    [InlineData(ProcessInterop.SigTerm)]
    public async Task ASignalLeavesAValidProfileAndTheTargetRunning(int signal)
    {
        using var workload = BuiltProgram.StartWorkload();
        using var folder = new TestFolder();
        string file = folder["a.pb.gz"];
        using var collect = Start("collect", "-p", $"{workload.Pid}", "-o", file);
        while (await collect.StandardOutput.ReadLineAsync() is { } line && !line.StartsWith("Sampling", StringComparison.Ordinal))
        {
        }

        await Task.Delay(500);
        ProcessInterop.Kill(collect.Id, signal);
        ProcessInterop.Kill(collect.Id, signal);
        string rest = await collect.StandardOutput.ReadToEndAsync();
        await collect.WaitForExitAsync();
        Assert.Equal(0, collect.ExitCode);
        Assert.Contains("Wrote ", rest);
        Assert.False(workload.Process.HasExited);
        Assert.Equal(0, BuiltProgram.Run("report", file, "topN").ExitCode);
    }

    [Fact]
    public async Task ASignalToTheCollectorReachesTheProgramItLaunched()
    {
        using var folder = new TestFolder();
        using var collect = Start("collect", "-o", folder["a.pb.gz"], "--", "/bin/sh", "-c", $"trap 'exit 44' INT; '{BuiltProgram.DotnetHost}' '{BuiltProgram.DemoWorkload}' 1; echo ready; while :; do sleep 0.1; done");
        Assert.Equal("ready", await collect.StandardOutput.ReadLineAsync());
        ProcessInterop.Kill(collect.Id, ProcessInterop.SigInt);
        await collect.WaitForExitAsync();
        Assert.Equal(44, collect.ExitCode);
        Assert.Equal(0, BuiltProgram.Run("report", folder["a.pb.gz"], "topN").ExitCode);
    }

    private static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo(BuiltProgram.DotnetHost, ["exec", BuiltProgram.Dll, .. arguments])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
