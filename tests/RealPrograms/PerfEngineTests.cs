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
    private const int SigInt = 2;

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
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{engine}: error {error:P2}, unsampled {profile.UnsampledShare:P2}, {delivered:0} samples per second of CPU, armed {profile.ArmedHz:0}; {quality}"));
        Assert.StartsWith($"engine: {engine}: ", profile.Comments.Single(comment => comment.StartsWith("engine: ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.InRange(error, -0.05, 0.05);
        Assert.InRange(profile.UnsampledShare, 0, 0.02);
        Assert.True(quality.Rooted >= 0.99, quality.ToString());
        Assert.Equal(0, quality.Handling);
        Assert.True(quality.Lost < 0.05, quality.ToString());
        if (engine == "perf")
            Assert.InRange(delivered / profile.ArmedHz, 0.95, 1.02);
    }

    [Fact]
    public void TargetGetsNoSignalAndKeepsNoEvents()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "2");
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "1000", "--engine", "perf");
        collecting.WaitForLine("Sampling");
        DrainedRecords.Wait(target.Pid, 1000);
        int timers = ProcessState.TimersOf(target.Pid);
        int events = ProcessState.PerfEventsOf(target.Pid);
        collecting.Signal(SigInt);
        PprofFile profile = collector.Finish(collecting);
        Assert.True(timers <= 0, $"{timers} timers");
        Assert.True(events > 0, "no perf events");
        Assert.Equal(0, ProcessState.PerfEventsOf(target.Pid));
        Assert.Contains(profile.StackSamples, sample => sample.Has("Burner.Program.Heavy"));

        /* Once more, and by timers: nothing of the one is in the other's way. */
        Assert.NotEmpty(collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000", "--engine", "timer").StackSamples);
        Assert.NotEmpty(collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000", "--engine", "perf").StackSamples);
        Assert.Equal(0, ProcessState.PerfEventsOf(target.Pid));
        target.Finish();
    }

    /// <summary>As seen by strace: timers signal, the kernel's own samples do not.</summary>
    [Theory]
    [InlineData("perf", false)]
    [InlineData("timer", true)]
    public void NoThreadGetsATimersSignal(string engine, bool signals)
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "2");
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "1000", "--engine", engine);
        collecting.WaitForLine("Sampling");
        string trace = Trace(target.Pid);
        collecting.Signal(SigInt);
        PprofFile profile = collector.Finish(collecting);
        Assert.Contains(profile.StackSamples, sample => sample.Has("Burner.Program.Heavy"));
        Assert.Equal(signals, trace.Contains("SI_TIMER", StringComparison.Ordinal));
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
        collecting.Signal(SigInt);
        PprofFile profile = collector.Finish(collecting);
        long sampled = profile.CpuNanosUnder("ThreadParade.Program.Burn(");
        log.WriteLine($"{sampled} ns sampled of {cpu}");
        Assert.InRange((double)sampled / cpu, 0.93, 1.07);
    }

    /// <summary>
    /// Threads that were there before, and come after, within what an ordinary user is allowed: 1,024 file descriptors,
    /// 8 MiB of locked memory, and no samples of the kernel.
    /// </summary>
    [Theory]
    [InlineData("muster {0} 5000", true, 1000)]
    [InlineData("crowd 500 5000", false, 1000)]
    [InlineData("dash 3000 500", false, 10_000)]
    public void OrdinaryUsersLimitsHaveRoomForManyThreads(string command, bool isBefore, int rate)
    {
        string become = Environment.IsPrivilegedProcess ? "setpriv --reuid=65534 --regid=65534 --clear-groups" : "";
        string limits = $"ulimit -n 1024 && ulimit -l 8192 && HOME=/tmp exec {become} \"$0\" \"$@\"";
        using var target = new ChildProcess("/bin/sh", ["-c", limits, ProgramPaths.Dotnet, ProgramPaths.TestProgram("ThreadParade")]);
        try
        {
            target.WaitForLine("ready");
        }
        catch (TimeoutException e)
        {
            Assert.Skip($"the program does not start as another user: {e.Message}");
        }
        if (isBefore)
        {
            /* A descriptor for each thread and CPU. */
            target.Send(string.Format(CultureInfo.InvariantCulture, command, 800 / Environment.ProcessorCount));
            target.WaitForLine("mustered");
        }
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", $"{rate}", "--max-overhead", "none", "--engine", "perf");
        collecting.WaitForLine("Sampling");
        target.Send(isBefore ? "march" : command);
        target.WaitForLine("done");
        collecting.Signal(SigInt);
        PprofFile profile = collector.Finish(collecting);
        log.WriteLine($"unsampled {profile.UnsampledShare:P2}\n{string.Join('\n', profile.Comments)}");
        Assert.Contains(profile.StackSamples, sample => sample.Has("ThreadParade.Program.Burn("));
        Assert.DoesNotContain(profile.Comments, comment => comment.Contains("were sampled by timers", StringComparison.Ordinal));
        Assert.DoesNotContain(profile.Comments, comment => comment.StartsWith("lost: ", StringComparison.Ordinal));
        Assert.InRange(profile.UnsampledShare, 0, 0.1);
    }

    [Fact]
    public void ThreadsBeyondTheLimitOfDescriptorsAreLeftToTimers()
    {
        /*
         * A descriptor for each thread and CPU: enough for the program to start, and ten threads too few. Threads that
         * sleep most of the time leave the target's own ones a core to answer on.
         */
        int files = 48 + (16 * Environment.ProcessorCount);
        int threads = (files / Environment.ProcessorCount) + 10;
        using var target = new ChildProcess("/bin/sh", ["-c", $"ulimit -n {files} && exec \"$0\" \"$@\"", ProgramPaths.Dotnet, ProgramPaths.TestProgram("Burner"), $"{threads}", "1000", "39000"]);
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
        Assert.Equal(threads, profile.StackSamples.Where(sample => sample.Has("Burner.Program.Burn")).Select(sample => sample.ThreadName).Distinct().Count());
    }

    private static string Trace(int pid)
    {
        try
        {
            using var strace = new ChildProcess("strace", ["-f", "-e", "trace=none", "-p", $"{pid}"]);
            strace.WaitForErrorLine("attached");
            Thread.Sleep(1000);
            strace.Signal(SigInt); /* it lets the process go */
            strace.WaitForExit();
            return strace.Errors;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("there is no strace");
            throw;
        }
        catch (TimeoutException e)
        {
            Assert.Skip($"strace may not look at the process: {e.Message}");
            throw;
        }
    }
}
