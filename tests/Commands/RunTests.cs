using System.Diagnostics;
using DotnetPprof.Commands;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Session;
using Xunit;

namespace DotnetPprof.Tests.Commands;

/// <summary>`collect` with real processes and captures that sample nothing.</summary>
[Collection(SignalCollection.Name)]
public class RunTests
{
    private static CollectOptions Options(string? output, params string[] command) =>
        new(null, null, command, null, output, 250, false);

    [Fact]
    public void AnAttachedProcessIsCapturedForTheDuration()
    {
        using var workload = BuiltProgram.StartWorkload();
        using var folder = new TestFolder();
        var rig = new CommandRig();
        var options = new CollectOptions(workload.Pid, null, null, TimeSpan.FromSeconds(1), folder["a.pb.gz"], 250, false);
        Assert.Equal(0, new AttachRun(rig.Services, options).Run());
        Assert.Equal([$"attach {workload.Pid}"], rig.Captures.Calls);
        Assert.Equal(["a.pb.gz"], folder.Files);
        Assert.Contains("Top functions by self time", rig.Output.Output);
    }

    [Fact]
    public async Task ATargetThatEndsLeavesItsProfile()
    {
        var workload = BuiltProgram.StartWorkload();
        using var folder = new TestFolder();
        var rig = new CommandRig();
        var options = new CollectOptions(workload.Pid, null, null, null, folder["a.pb.gz"], 250, false);
        var run = Task.Run(() => new AttachRun(rig.Services, options).Run());
        while (rig.Captures.Calls.IsEmpty && !run.IsCompleted) await Task.Delay(10);
        workload.Dispose();
        Assert.Equal(0, await run);
        Assert.Equal(["a.pb.gz"], folder.Files);
        Assert.Contains("ended; the profile holds what came before", rig.Output.Output);
    }

    [Fact]
    public async Task ASignalDoesNotWaitForAProcessThatDoesNotAnswer()
    {
        using var workload = BuiltProgram.StartWorkload();
        using var folder = new TestFolder();
        using var answer = new ManualResetEventSlim();
        var rig = new CommandRig { Captures = new FakeCaptures { Answer = answer.Wait } };
        var options = new CollectOptions(workload.Pid, null, null, null, folder["a.pb.gz"], 250, false);
        var run = Task.Run(() => new AttachRun(rig.Services, options).Run());
        while (rig.Captures.Calls.IsEmpty && !run.IsCompleted) await Task.Delay(10);
        ProcessInterop.Kill(Environment.ProcessId, ProcessInterop.SigTerm);
        var error = await Assert.ThrowsAsync<UserError>(() => run.WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal(ExitCode.SessionCreation, error.Code);
        Assert.Empty(folder.Files);
        Assert.False(rig.Captures.Released.Task.IsCompleted);
        answer.Set();
        await rig.Captures.Released.Task.WaitAsync(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void ALaunchedProgramIsCapturedAndItsExitCodePassedOn()
    {
        using var folder = new TestFolder();
        var rig = new CommandRig();
        int code = new LaunchRun(rig.Services, Options(folder["a.pb.gz"], BuiltProgram.DotnetHost, "exec", BuiltProgram.DemoWorkload, "not a number")).Run();
        Assert.Equal(2, code);
        Assert.Equal("prepare DemoWorkload", rig.Captures.Calls.First());
        Assert.Equal(2, rig.Captures.Calls.Count);
        Assert.Equal(["a.pb.gz"], folder.Files);
        Assert.Equal("", rig.Output.Output);
    }

    [Fact]
    public void AProgramBehindAShellIsCaptured()
    {
        using var folder = new TestFolder();
        var rig = new CommandRig();
        int code = new LaunchRun(rig.Services, Options(folder["a.pb.gz"], "sh", "-c", $"'{BuiltProgram.DotnetHost}' '{BuiltProgram.DemoWorkload}' 0.1; '{BuiltProgram.DotnetHost}' '{BuiltProgram.DemoWorkload}' 0.1; exit 9")).Run();
        Assert.Equal(9, code);
        Assert.Equal(2, folder.Files.Count());
        Assert.Contains("a.pb.gz", folder.Files);
        Assert.Matches(@"^a\.\d+\.pb\.gz$", folder.Files.First());
    }

    [Theory]
    [InlineData("exit 7", 7)]
    [InlineData("kill -KILL $$", 137)]
    [InlineData("kill -TERM $$", 143)]
    [InlineData("exit 0", 1)]
    public void ACommandWithoutDotnetIsRunAndReported(string script, int expected)
    {
        using var folder = new TestFolder();
        var rig = new CommandRig();
        Assert.Equal(expected, new LaunchRun(rig.Services, Options(folder["a.pb.gz"], "/bin/sh", "-c", script)).Run());
        Assert.Contains("nothing was profiled", rig.Error.Output);
        Assert.Empty(folder.Files);
    }

    [Fact]
    public void AProgramRunsOnWhenItsCaptureCannotBeReadied()
    {
        using var folder = new TestFolder();
        var rig = new CommandRig { Captures = new FakeCaptures { FailPrepare = _ => new UserError(ExitCode.SessionCreation, "the agent refused") } };
        int code = new LaunchRun(rig.Services, Options(folder["a.pb.gz"], BuiltProgram.DotnetHost, BuiltProgram.DemoWorkload, "0.1")).Run();
        Assert.Equal(1, code);
        Assert.Contains("error: the agent refused", rig.Error.Output);
    }

    [Fact]
    public async Task ADurationEndsTheCaptureAndNotTheProgram()
    {
        using var folder = new TestFolder();
        var rig = new CommandRig();
        var options = Options(folder["a.pb.gz"], BuiltProgram.DotnetHost, BuiltProgram.DemoWorkload, "600") with { Duration = TimeSpan.FromSeconds(1) };
        var run = Task.Run(() => new LaunchRun(rig.Services, options).Run());
        while (!folder.Files.Any() && !run.IsCompleted) await Task.Delay(10);
        Assert.False(run.IsCompleted);
        int pid = int.Parse(rig.Captures.Calls.Last().Split(' ')[1]);
        Assert.True(ProcFs.IsRunning(pid));
        ProcessInterop.Kill(pid, ProcessInterop.SigTerm);
        Assert.Contains(await run, new[] { 0, 143 }); // which it is depends on whether its handler is there yet
    }

    [Fact]
    public async Task ASignalToUsAloneIsPassedOn()
    {
        using var folder = new TestFolder();
        var rig = new CommandRig();
        /* Nobody else may be listening when the last signal comes, and it would end this process: we listen, and wait for each. */
        using var heard = new SemaphoreSlim(0);
        using var guard = new StopRequests(_ => heard.Release());
        var run = Task.Run(() => new LaunchRun(rig.Services, Options(folder["a.pb.gz"], BuiltProgram.DotnetHost, BuiltProgram.DemoWorkload)).Run());
        while (rig.Captures.Calls.Count < 2 && !run.IsCompleted) await Task.Delay(10);
        // Its handlers are not there before its first lines have run.
        while (!run.IsCompleted)
        {
            ProcessInterop.Kill(Environment.ProcessId, ProcessInterop.SigTerm);
            await heard.WaitAsync();
            await Task.WhenAny(run, Task.Delay(500));
        }

        Assert.Contains(await run, new[] { 0, 143 });
        Assert.Equal(["a.pb.gz"], folder.Files);
    }

    [Fact]
    public void DotnetRunIsResumedAndTheProgramItRunsIsTheOneMeant()
    {
        using var folder = new TestFolder();
        File.WriteAllText(folder["Meant.csproj"], "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>");
        File.WriteAllText(folder["Meant.cs"], """
            string[] names = ["CORECLR_ENABLE_NOTIFICATION_PROFILERS", "CORECLR_NOTIFICATION_PROFILERS", "DOTNET_RichDebugInfo", "DOTNET_PPROF_LAUNCH"];
            System.IO.File.WriteAllLines(args[0], System.Array.ConvertAll(names, name => System.Environment.GetEnvironmentVariable(name) ?? "unset"));
            return 5;
            """);
        var rig = new CommandRig();
        var command = Options(folder["a.pb.gz"], BuiltProgram.DotnetHost, "run", "--project", folder["Meant.csproj"], "--", folder["variables"]);
        Assert.Equal(5, new LaunchRun(rig.Services, command).Run());
        Assert.Equal(["prepare Meant"], rig.Captures.Calls.Where(call => call.StartsWith("prepare", StringComparison.Ordinal)));
        Assert.Equal(["1", "/nonexistent/agent.so={8f1b1a5e-6d0c-4b6f-9a54-64706f727031};", "1", "5000"], File.ReadAllLines(folder["variables"]));
        Assert.Contains("a.pb.gz", folder.Files);
    }
}
