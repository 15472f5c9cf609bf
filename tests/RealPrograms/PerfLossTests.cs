using System.Globalization;
using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>What the kernel could not hand over: counted, shown, and nothing beside it is missing.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class PerfLossTests : IDisposable
{
    private const long Second = 1_000_000_000;
    private const string Lost = "[lost samples]";
    private const string SampleRate = "/proc/sys/kernel/perf_event_max_sample_rate";
    private readonly Collector collector = new();
    private readonly ITestOutputHelper log;

    public PerfLossTests(ITestOutputHelper log)
    {
        this.log = log;
        Engines.SkipWhereRefused(Engines.Perf);
    }

    public void Dispose() => collector.Dispose();

    /// <summary>A pump that comes a second late: the kernel's rings hold a tenth of that.</summary>
    [Fact]
    public void WhatThePumpIsTooLateForIsCounted()
    {
        using var target = new TargetProgram("Burner", ["2"], new Dictionary<string, string> { ["DOTNET_PPROF_TEST_PERF"] = "late" });
        target.WaitForLine("ready");
        using var witness = new CpuWitness(target.Pid);
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-d", "4", "-r", "10000", "--max-overhead", "none", "--engine", "perf");
        PprofFile profile = collector.Finish(collecting);
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        ulong taken = AgentCounter(target, Counter.Samples), lost = AgentCounter(target, Counter.LostInKernel);

        long delivered = Delivered(profile);
        PprofSample frame = Assert.Single(profile.Samples, sample => sample.FunctionNames.Contains(Lost));
        double period = 1e9 / profile.ArmedHz;
        double shareOfTime = (delivered + (long)lost) * period / (truth - profile.CpuNanosUnder(ProfileExtensions.Agent));
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{delivered} delivered, {lost} lost at {profile.ArmedHz:0} Hz, which stand for {shareOfTime:P1} of the process's time; error {(profile.CpuNanos - truth) / (double)truth:P2}, unsampled {profile.UnsampledShare:P2}"));
        Assert.True(lost > 100 && taken > 100, $"{lost} lost, {taken} taken");
        Assert.Equal((long)taken, delivered);
        Assert.Equal((long)lost, frame.Count);
        Assert.InRange(shareOfTime, 0.93, 1.02);
        Assert.InRange(frame.CpuNanos / (period * lost), 0.9, 1.3);
        Assert.InRange((profile.CpuNanos - truth) / (double)truth, -0.05, 0.05);
        Assert.InRange(profile.UnsampledShare, 0, 0.08);
        Assert.Contains($"lost: {lost} samples that found the kernel's ring full", profile.Comments);
        Assert.Contains("samples that found the kernel's ring full", collecting.Output, StringComparison.Ordinal);
    }

    /// <summary>The limit is lowered while the kernel samples: it stops events that come too often for the rest of a tick.</summary>
    [Fact]
    public void WhatTheKernelThrottlesIsCounted()
    {
        string before = File.ReadAllText(SampleRate);
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        using var witness = new CpuWitness(target.Pid);
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-d", "3", "-r", "10000", "--max-overhead", "none", "--engine", "perf");
        collecting.WaitForLine("Sampling");
        try
        {
            File.WriteAllText(SampleRate, "1000");
        }
        catch (UnauthorizedAccessException)
        {
            Assert.Skip($"{SampleRate} may not be written here");
        }
        try
        {
            Thread.Sleep(1000);
        }
        finally
        {
            File.WriteAllText(SampleRate, before);
        }
        PprofFile profile = collector.Finish(collecting);
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        ulong throttled = AgentCounter(target, Counter.Throttled);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"throttled {throttled} times; error {(profile.CpuNanos - truth) / (double)truth:P2}, unsampled {profile.UnsampledShare:P2}"));
        Assert.SkipWhen(throttled == 0, "this kernel does not throttle its task clock");
        Assert.Contains(profile.Comments, comment => comment.Contains($"the kernel throttled sampling {throttled} times", StringComparison.Ordinal));
        Assert.Contains($"the kernel throttled sampling {throttled} times", collecting.Output, StringComparison.Ordinal);
        Assert.InRange(profile.UnsampledShare, 0.05, 0.5);
        Assert.InRange((profile.CpuNanos - truth) / (double)truth, -0.05, 0.05);
        Assert.Equal((long)AgentCounter(target, Counter.Samples), Delivered(profile));
    }

    /// <summary>A neighbour, a migration: what a sample costs has risen fourfold, and the budget is kept by a lower rate.</summary>
    [Fact]
    public void RateIsLoweredWhenSamplesBecomeDear()
    {
        using var target = new TargetProgram("Burner", ["2"], new Dictionary<string, string> { ["DOTNET_PPROF_TEST_PERF"] = "dear" });
        target.WaitForLine("ready");
        using var witness = new CpuWitness(target.Pid);
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-d", "4", "-r", "10000", "--max-overhead", "2", "--engine", "perf", "--timestamps");
        PprofFile profile = collector.Finish(collecting);
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        double early = PerSecond(profile.TimeNanos), late = PerSecond(profile.EndNanos - Second);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{early:0} samples a second of CPU time in the first second, {late:0} in the last; error {(profile.CpuNanos - truth) / (double)truth:P2}, unsampled {profile.UnsampledShare:P2}"));
        Assert.Contains(profile.Comments, comment => comment.StartsWith("rate note: lowered to ", StringComparison.Ordinal) && comment.Contains("--max-overhead", StringComparison.Ordinal));
        Assert.InRange(early / late, 2.5, 6);
        Assert.InRange((profile.CpuNanos - truth) / (double)truth, -0.05, 0.05);
        Assert.InRange(profile.UnsampledShare, 0, 0.02);

        /* By what the process had of the CPUs: others may want them too. */
        double PerSecond(long from) =>
            profile.StackSamples.Count(sample => Time(sample) >= from && Time(sample) < from + Second) / (witness.Between(from, from + Second) / 1e9);
    }

    private static long Delivered(PprofFile profile) => profile.StackSamples.Where(sample => !sample.Has(Lost)).Sum(sample => sample.Count);

    private static long Time(PprofSample sample) => sample.Label("end_timestamp_ns")!.Number;

    private static ulong AgentCounter(TargetProgram target, Counter counter)
    {
        using MappedRegion region = MappedRegion.Find(target.Pid)!;
        return region.View.Counter(counter);
    }
}
