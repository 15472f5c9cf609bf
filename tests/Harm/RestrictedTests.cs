using DotnetPprof.Interop;
using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>
/// Targets that may do little: behind a seccomp filter, with small limits. They are sampled, or the reason why not is said
/// in a line; either way they go on.
/// </summary>
public sealed class RestrictedTests : IDisposable
{
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
    public void IsSampled(string engine, params string[] restrictions)
    {
        using var target = new RestrictedTarget(engine, restrict, restrictions);
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000", "--engine", engine);
        Assert.True(profile.CpuNanosUnder("Program.Mix(") > 0);
        target.Finish();
    }

    /// <summary>Then stacks are stepped by what the agent knows by itself; it must not touch what it did not get.</summary>
    [Fact]
    public unsafe void IsSampledWhereThereIsNoMemoryToLearnInto()
    {
        ulong slots = PageAligned(3 * RegionLayout.Page + RegionLayout.Anchors * (ulong)sizeof(RegionAnchor));
        ulong learning = PageAligned(slots + RegionLayout.Slots * (ulong)sizeof(RegionSlot));
        using var target = new RestrictedTarget("auto", restrict, "-f", $"{PageAligned(learning + RegionLayout.LearningRulesAt)}");
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
        target.Finish();

        static ulong PageAligned(ulong offset) => (offset + RegionLayout.Page - 1) & ~(ulong)(RegionLayout.Page - 1);
    }

    [Theory]
    [InlineData("perf", "perf_event_open is refused", "-d", "perf_event_open")]
    [InlineData("perf", "perf_event_open is refused", "-e", "perf_event_open")]
    [InlineData("timer", "timers may be refused or RLIMIT_SIGPENDING used up", "-d", "timer_create")]
    [InlineData("timer", "timers may be refused or RLIMIT_SIGPENDING used up", "-k", "timer_create")]
    [InlineData("auto", "Operation not permitted", "-d", "memfd_create")]
    [InlineData("auto", "Operation not permitted", "-k", "fallocate")]
    public void IsLeftAloneWithTheReason(string engine, string reason, params string[] restrictions)
    {
        using var target = new RestrictedTarget("auto", restrict, restrictions);
        (int exitCode, _, string errors) = collector.Run("collect", "-p", $"{target.Pid}", "-d", "1", "--engine", engine);
        Assert.Equal(1, exitCode);
        Assert.Contains(reason, errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n'));
        target.Finish();
    }

    /// <summary>As a systemd unit's filter does by default: none of the calls may be tried where the process could feel it.</summary>
    [Theory]
    [InlineData("auto", "timer: a seccomp filter may end the process for it", "-k", "perf_event_open", "-k", "process_vm_readv", "-k", "sched_setattr")]
    [InlineData("auto", "timer: the perf engine could not start: a seccomp filter may end the process for it", "-k", "close_range", "-k", "sched_setattr")]
    [InlineData("timer", "timer: ", "-k", "perf_event_open", "-k", "process_vm_readv")]
    public void FilterThatEndsTheProcessIsNotProvoked(string engine, string reason, params string[] restrictions)
    {
        Assert.SkipWhen(restrictions.Contains("close_range") && !Engines.PerfIsPermitted, "perf_event_open is refused here");
        using var target = new RestrictedTarget(engine, restrict, restrictions);
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000", "--engine", engine);
        Assert.True(profile.CpuNanosUnder("Program.Mix(") > 0);
        Assert.Contains(profile.Comments, comment => comment.StartsWith("engine: " + reason, StringComparison.Ordinal));
        target.Finish();
    }

    /// <summary>And says which, and why.</summary>
    [Theory]
    [InlineData("-d")]
    [InlineData("-e")]
    public void RefusedPerfEventsLeaveTimers(string refusal)
    {
        using var target = new RestrictedTarget("auto", restrict, refusal, "perf_event_open");
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000");
        Assert.True(profile.CpuNanosUnder("Program.Mix(") > 0);
        Assert.Contains(profile.Comments, comment => comment.Contains("timer", StringComparison.Ordinal) && comment.Contains("perf_event_open is refused", StringComparison.Ordinal));
        target.Finish();
    }
}
