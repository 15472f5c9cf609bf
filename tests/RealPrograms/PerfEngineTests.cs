using System.Globalization;
using DotnetPprof.Interop;
using DotnetPprof.Tests.Harm;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>The engine that lets the kernel sample: true, whole, and without a trace in the target.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class PerfEngineTests
{
    private readonly ITestOutputHelper log;

    public PerfEngineTests(ITestOutputHelper log)
    {
        this.log = log;
        Assert.SkipUnless(MachineInterop.TryPerfEvent(excludeKernel: true) == 0, "perf_event_open is refused here");
    }

    [Theory]
    [InlineData("perf", 2, 1000)]
    [InlineData("perf", 8, 10_000)]
    [InlineData("timer", 2, 1000)]
    public void CpuTimeIsTheProcessesAndStacksAreWhole(string engine, int threads, int rate)
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", $"{threads}");
        using var witness = new CpuWitness(target.Pid);
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "3", "-r", $"{rate}", "--engine", engine);
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        target.Finish();

        double error = (profile.CpuNanos - truth) / (double)truth;
        var quality = new StackQuality(profile);
        long samples = profile.StackSamples.Sum(sample => sample.Count);
        double delivered = samples / ((truth - profile.CpuNanosUnder(ProfileExtensions.Agent)) / 1e9);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{engine}: error {error:P2}, unsampled {profile.UnsampledShare:P2}, {delivered:0} samples per second of CPU; {quality}"));
        Assert.StartsWith($"engine: {engine}: ", profile.Comments.Single(comment => comment.StartsWith("engine: ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.InRange(error, -0.05, 0.05);
        Assert.InRange(profile.UnsampledShare, 0, 0.02);
        Assert.True(quality.Rooted >= 0.99, quality.ToString());
        if (engine == "perf")
            Assert.InRange(delivered / rate, 0.95, 1.02);
    }

    [Fact]
    public void TargetGetsNoSignalAndKeepsNoEvents()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "2");
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-d", "3", "-r", "1000", "--engine", "perf");
        collecting.WaitForLine("Sampling");
        Thread.Sleep(1000);
        int timers = ProcessState.TimersOf(target.Pid);
        int events = Events(target.Pid);
        PprofFile profile = collector.Finish(collecting);
        Assert.True(timers <= 0, $"{timers} timers");
        Assert.True(events > 0, "no perf events");
        Assert.Equal(0, Events(target.Pid));
        Assert.Contains(profile.StackSamples, sample => sample.Has("Burner.Program.Heavy"));

        /* Once more, and by timers: nothing of the one is in the other's way. */
        Assert.NotEmpty(collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000", "--engine", "timer").StackSamples);
        Assert.NotEmpty(collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000", "--engine", "perf").StackSamples);
        Assert.Equal(0, Events(target.Pid));
        target.Finish();
    }

    [Fact]
    public void ThreadsThatCameBeforeAndAfterAreSampledOnce()
    {
        using TargetProgram target = TargetProgram.StartReady("ThreadParade");
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "1000", "--engine", "perf");
        collecting.WaitForLine("Sampling");
        target.Send("parade 200");
        long cpu = long.Parse(target.WaitForLine("done").Split(' ')[1], CultureInfo.InvariantCulture);
        collecting.Signal(2); /* SIGINT */
        PprofFile profile = collector.Finish(collecting);
        long sampled = profile.CpuNanosUnder("ThreadParade.Program.Burn(");
        log.WriteLine($"{sampled} ns sampled of {cpu}");
        Assert.InRange((double)sampled / cpu, 0.93, 1.07);
    }

    [Fact]
    public void ThreadsBeyondTheLimitOfDescriptorsAreLeftToTimers()
    {
        using var target = new ChildProcess("/bin/sh", ["-c", "ulimit -n 160 && exec \"$0\" \"$@\"", ProgramPaths.Dotnet, ProgramPaths.TestProgram("Burner"), "30"]);
        target.WaitForLine("ready");
        using var witness = new CpuWitness(target.Pid);
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "4", "-r", "250", "--engine", "perf");
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        target.CloseInput();
        Assert.Equal(0, target.WaitForExit());
        Assert.Contains(profile.Comments, comment => comment.Contains("threads were sampled by timers", StringComparison.Ordinal));
        Assert.InRange((profile.CpuNanos - truth) / (double)truth, -0.05, 0.05);
        log.WriteLine(string.Join('\n', profile.Comments));
        Assert.Equal(30, profile.StackSamples.Where(sample => sample.Has("Burner.Program.Burn")).Select(sample => sample.ThreadName).Distinct().Count());
    }

    private static int Events(int pid) =>
        Directory.GetFiles($"/proc/{pid}/fd").Count(path => new FileInfo(path).LinkTarget?.Contains("[perf_event]", StringComparison.Ordinal) == true);
}
