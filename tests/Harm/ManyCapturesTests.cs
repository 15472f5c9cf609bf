using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Captures leave nothing behind, in the target or in the collector, beyond what the first one set up.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class ManyCapturesTests(ITestOutputHelper output)
{
    private const int Captures = 100;
    private const int WarmUp = 10;
    private const int NamedEvery = 10;

    /* What has grown for good has after a minute too. */
    private const int MostLooks = 40;

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void NothingGrowsOverManyCaptures(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.StartWithAgent("Spin", "2");
        for (int i = 0; i < WarmUp; i++)
            CaptureBriefly(target, engine, i);
        (ProcessState Target, ProcessState Own) before = Settled(target);
        for (int i = WarmUp; i < Captures; i++)
            CaptureBriefly(target, engine, i);
        (ProcessState Target, ProcessState Own) after = Settled(target);
        for (int looks = 0; looks < MostLooks && !(IsNoGrowth(before.Target, after.Target) && IsNoGrowth(before.Own, after.Own)); looks++)
            after = Settled(target);
        output.WriteLine($"target {before.Target} -> {after.Target}");
        output.WriteLine($"collector {before.Own} -> {after.Own}");

        Assert.True(IsNoGrowth(before.Target, after.Target), $"{before.Target} -> {after.Target}");
        Assert.InRange(after.Target.Timers, -1, 0);
        Assert.Equal(0, ProcessState.PerfEventsOf(target.Pid));
        Assert.True(IsNoGrowth(before.Own, after.Own), $"{before.Own} -> {after.Own}");
        target.Send("stop");
        Assert.Equal(3, target.WaitForExit());
    }

    [Fact]
    public void ProgramCanCollectTimeAndAgain()
    {
        using Child target = Targets.Start("Spin", "1");
        for (int i = 0; i < 3; i++)
        {
            using var collect = new CollectRun(target.Pid, "auto", "-r", "1000", "-d", "1");
            Assert.Contains(collect.Finish().Samples, sample => sample.FunctionNames.Any(name => name.Contains("Program.Mix", StringComparison.Ordinal)));
        }
        target.Send("stop");
        Assert.Equal(3, target.WaitForExit());
    }

    /* Names take most of a short capture's time: one in ten asks for them. */
    private static void CaptureBriefly(Child target, string engine, int number)
    {
        int rate = number % 2 == 0 ? 250 : 10_000;
        using ICapture capture = number % NamedEvery == 0 ? Targets.Attach(target, engine, rate) : Targets.AttachUnnamed(target, engine, rate);
        Eventually.True(() => capture.Progress.Samples > 0 || capture.Ended.IsCompleted, "a busy thread was sampled");
        CaptureResult result = capture.Finish();
        Assert.True(result.Summary.Samples > 0);
    }

    /* The agent releases its memory, and the runtime its event sessions, a moment after a capture. */
    private static (ProcessState Target, ProcessState Own) Settled(Child target)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Thread.Sleep(1500);
        return (ProcessState.Of(target.Pid), ProcessState.Of(Environment.ProcessId));
    }

    /*
     * Other threads come and go in both processes (pools, compilation in the background), and the heaps breathe: what
     * grows by one a capture, or by a page or two, would stand out all the same.
     */
    private static bool IsNoGrowth(ProcessState before, ProcessState after) =>
        after.Threads <= before.Threads + 10
        && after.Files <= before.Files + 10
        && after.Mappings <= before.Mappings + 60
        && after.ResidentKiB <= before.ResidentKiB + 64 * 1024;
}
