using System.Diagnostics;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>What goes wrong is one line and an exit code; what was seen is kept.</summary>
public sealed class ExitCodeTests : IDisposable
{
    private const int SigInt = 2;

    /* Among so many samples there are some of each function. */
    private const int Some = 50;

    private readonly Collector collector = new();

    public void Dispose() => collector.Dispose();

    [Fact]
    public void NoSuchProcess() => Refuses(3, "no process has the id 2147483646", "-p", "2147483646");

    [Fact]
    public void NoSuchName() => Refuses(3, "no .NET process is named 'no-such-program'", "-n", "no-such-program");

    [Fact]
    public void NotADotnetProcess()
    {
        using var sleeper = new ChildProcess("sleep", ["60"]);
        Refuses(3, $"process {sleeper.Pid} is not a .NET process", "-p", $"{sleeper.Pid}");
    }

    [Fact]
    public void NothingToCollect() => Refuses(3, "--help");

    [Fact]
    public void SecondCollectorIsToldOfTheFirst()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        ChildProcess first = collector.StartCollecting("-p", $"{target.Pid}");
        first.WaitForLine("Sampling");
        using var other = new Collector();
        (int exitCode, _, string errors) = other.Run("collect", "-p", $"{target.Pid}", "-d", "1");
        Assert.Equal(1, exitCode);
        Assert.Contains($"process {target.Pid} is being sampled by the collector with pid {first.Pid}", errors);
        Assert.Single(errors.Split('\n'));

        /* The refusal has not disturbed the first. */
        DrainedRecords.Wait(target.Pid, Some);
        first.Signal(SigInt);
        Assert.True(collector.Finish(first).CpuNanosUnder("Burner.Program.Heavy") > 0);
    }

    [Theory]
    [InlineData("/proc/profile.pb.gz")]
    [InlineData("/no/such/directory/profile.pb.gz")]
    [InlineData("/tmp")]
    public void UnwritableOutput(string path)
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        (int exitCode, _, string errors) = collector.Run("collect", "-p", $"{target.Pid}", "-d", "1", "-o", path);
        Assert.Equal(3, exitCode);
        Assert.Contains($"cannot write '{path}'", errors);
        Assert.Single(errors.Split('\n'));
    }

    [Fact]
    public void FullDisk()
    {
        string disk = Path.Join(collector.Directory, "disk");
        Directory.CreateDirectory(disk);
        if (!Environment.IsPrivilegedProcess || !Succeeds("mount", "-t", "tmpfs", "-o", "size=4k", "none", disk))
            Assert.Skip("mounting a small disk needs root and a permitting sandbox");
        try
        {
            File.WriteAllBytes(Path.Join(disk, "filler"), new byte[4096]);
            using TargetProgram target = TargetProgram.StartReady("Burner", "1");
            string path = Path.Join(disk, "profile.pb.gz");
            (int exitCode, _, string errors) = collector.Run("collect", "-p", $"{target.Pid}", "-d", "1", "-o", path);
            Assert.InRange(exitCode, 1, 3);
            Assert.Contains("cannot write", errors);
            Assert.Contains("No space left", errors);
            Assert.Single(errors.Split('\n'));
            Assert.Equal(["filler"], Directory.GetFileSystemEntries(disk).Select(Path.GetFileName));
        }
        finally
        {
            Succeeds("umount", disk);
        }
    }

    [Fact]
    public void CtrlCLeavesAProfile()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}");
        collecting.WaitForLine("Sampling");
        DrainedRecords.Wait(target.Pid, Some);
        collecting.Signal(SigInt);
        PprofFile profile = collector.Finish(collecting);
        Assert.True(profile.CpuNanosUnder("Burner.Program.Heavy") > 0);
        Assert.False(target.HasExited);
    }

    [Fact]
    public void TargetThatEndsLeavesAProfile()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}");
        collecting.WaitForLine("Sampling");
        DrainedRecords.Wait(target.Pid, Some);
        target.Finish();
        PprofFile profile = collector.Finish(collecting);
        Assert.True(profile.CpuNanosUnder("Burner.Program.Heavy") > 0);
        Assert.Contains("ended", collecting.Output + collecting.Errors);
    }

    private void Refuses(int expected, string message, params string[] arguments)
    {
        (int exitCode, _, string errors) = collector.Run(["collect", .. arguments]);
        Assert.Equal(expected, exitCode);
        Assert.Contains(message, errors);
        Assert.Single(errors.Split('\n'));
    }

    private static bool Succeeds(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
