using DotnetPprof.Interop;
using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>
/// Targets that may do little: as another user, behind a seccomp filter, with small limits. They are sampled, or the
/// reason why not is said in a line; either way they go on.
/// </summary>
[Collection(RealProgramsCollection.Name)]
public sealed class RestrictedTests : IDisposable
{
    private const string Nobody = "65534";
    private const UnixFileMode Everybody = (UnixFileMode)0b111_111_111;

    private readonly Collector collector = new();
    private readonly CProgram restrict = new("restrict");

    public void Dispose()
    {
        collector.Dispose();
        restrict.Dispose();
    }

    [Theory]
    [InlineData("auto", "-d", "process_vm_readv")]
    [InlineData("auto", "-l", "nofile=64")]
    [InlineData("perf", "-l", "nofile=64")]
    [InlineData("auto", "-l", "memlock=0")]
    [InlineData("perf", "-u", Nobody, "-l", "memlock=0")]
    [InlineData("auto", "-u", Nobody)]
    [InlineData("auto", "-l", "sigpending=4")]
    public void IsSampled(string engine, params string[] restrictions)
    {
        using ChildProcess target = Start(engine, restrictions);
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000", "--engine", engine);
        Assert.True(profile.CpuNanosUnder("Program.Mix(") > 0);
        Finish(target);
    }

    [Fact]
    public void ThreadsWithoutATimerAreCounted()
    {
        using ChildProcess target = Start("auto", "-u", Nobody, "-l", "sigpending=4");
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000", "--engine", "timer");
        Assert.Contains(profile.Comments, comment => comment.Contains("threads that got no timer", StringComparison.Ordinal));
        Finish(target);
    }

    /// <summary>Then stacks are stepped by what the agent knows by itself; it must not touch what it did not get.</summary>
    [Fact]
    public unsafe void IsSampledWhereThereIsNoMemoryToLearnInto()
    {
        ulong slots = PageAligned(3 * RegionLayout.Page + RegionLayout.Anchors * (ulong)sizeof(RegionAnchor));
        ulong learning = PageAligned(slots + RegionLayout.Slots * (ulong)sizeof(RegionSlot));
        using ChildProcess target = Start("auto", "-f", $"{PageAligned(learning + RegionLayout.LearningRulesAt)}");
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "1000");
        collecting.WaitForLine("Sampling");
        using MappedRegion region = MappedRegion.Find(target.Pid)!;
        Eventually.True(() => region.View.Learning.Answered > 0, "the agent was asked for code, and answered");
        DrainedRecords.Wait(target.Pid, 1000);
        /* Here it would not have faulted: the filter only says that there is no memory, and what is accessible goes by megabytes. */
        Assert.False(region.View.LearningArray<byte>(RegionLayout.LearningCodeAt, 4096).ContainsAnyExcept((byte)0), "code was copied into memory that the agent did not get");
        Assert.Equal(0UL, region.View.Learning.Published);
        collecting.Signal(ProcessInterop.SigInt);
        Assert.True(collector.Finish(collecting).CpuNanosUnder("Program.Mix(") > 0);
        Finish(target);

        static ulong PageAligned(ulong offset) => (offset + RegionLayout.Page - 1) & ~(ulong)(RegionLayout.Page - 1);
    }

    [Theory]
    [InlineData("perf", "perf_event_open is refused", "-d", "perf_event_open")]
    [InlineData("perf", "perf_event_open is refused", "-e", "perf_event_open")]
    [InlineData("timer", "timers may be refused or RLIMIT_SIGPENDING used up", "-d", "timer_create")]
    [InlineData("timer", "timers may be refused or RLIMIT_SIGPENDING used up", "-u", Nobody, "-l", "sigpending=0")]
    [InlineData("auto", "Operation not permitted", "-d", "memfd_create")]
    public void IsLeftAloneWithTheReason(string engine, string reason, params string[] restrictions)
    {
        using ChildProcess target = Start("auto", restrictions);
        (int exitCode, _, string errors) = collector.Run("collect", "-p", $"{target.Pid}", "-d", "1", "--engine", engine);
        Assert.Equal(1, exitCode);
        Assert.Contains(reason, errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n'));
        Finish(target);
    }

    /// <summary>And says which, and why.</summary>
    [Theory]
    [InlineData("-d")]
    [InlineData("-e")]
    public void RefusedPerfEventsLeaveTimers(string refusal)
    {
        using ChildProcess target = Start("auto", refusal, "perf_event_open");
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000");
        Assert.True(profile.CpuNanosUnder("Program.Mix(") > 0);
        Assert.Contains(profile.Comments, comment => comment.Contains("timer", StringComparison.Ordinal) && comment.Contains("perf_event_open is refused", StringComparison.Ordinal));
        Finish(target);
    }

    /// <summary>Neither side is root: most of what users meet is this.</summary>
    [Theory]
    [InlineData("timer")]
    [InlineData("perf")]
    public void CollectorOfTheSameUser(string engine)
    {
        using ChildProcess target = Start(engine, "-u", Nobody);
        string folder = Directory.CreateDirectory(Path.Combine(restrict.Folder, "profiles")).FullName;
        File.SetUnixFileMode(folder, Everybody);
        string path = Path.Combine(folder, "profile.pb.gz");
        using var collecting = new ChildProcess(
            restrict.Path, ["-u", Nobody, ProgramPaths.Dotnet, ProgramPaths.Collector, "collect", "-p", $"{target.Pid}", "-d", "1", "-r", "1000", "-o", path, "--engine", engine]);
        Assert.True(collecting.WaitForExit() == 0, collecting.Errors);
        Assert.True(PprofFile.Read(path).CpuNanosUnder("Program.Mix(") > 0);
        Finish(target);
    }

    private ChildProcess Start(string engine, params string[] restrictions)
    {
        Assert.SkipWhen(engine == "perf" && MachineInterop.TryPerfEvent(excludeKernel: true) != 0, "perf_event_open is refused here");
        Assert.SkipWhen(restrictions.Contains("-u") && !Environment.IsPrivilegedProcess, "another user's process needs root");
        var target = new ChildProcess(restrict.Path, [.. restrictions, ProgramPaths.Dotnet, BuiltFiles.Program("Spin"), "2"]);
        target.WaitForLine("ready");
        return target;
    }

    private static void Finish(ChildProcess target)
    {
        target.Send("stop");
        Assert.Equal(3, target.WaitForExit());
    }
}
