using System.Diagnostics;
using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>A collector may be stopped, or not get to run, for any time; it ends in order, or goes on.</summary>
public sealed class StoppedCollectorTests
{
    /* The agent has fifteen seconds of patience with it. */
    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void CollectorThatWasStoppedTooLongKeepsWhatItHad(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.StartWithAgent("Spin", "2");
        using var stopped = new CollectRun(target.Pid, engine, "-r", "1000", "-d", "600");
        stopped.WaitForSamples(SpinningTarget.Enough);
        stopped.Child.Stop();
        Eventually.True(() => SpinningTarget.Probe(target) == AgentPresence.Asleep, "the agent went to sleep");
        /* What the first collector has seen must not be read from what the agent now writes for this one. */
        SpinningTarget.AssertCanBeCollected(target, engine);
        stopped.Child.Continue();
        Assert.Equal(2, stopped.Child.WaitForExit());
        Assert.Contains("stopped serving this collector", stopped.Child.Output, StringComparison.Ordinal);
        SpinningTarget.AssertNamed(stopped.Profile());
        SpinningTarget.AssertCounts(target);
    }

    /// <summary>A collector that has no time to run for some seconds is not taken for a dead one, whose lock is gone.</summary>
    [Fact]
    public void CollectorThatDidNotRunForSecondsGoesOn()
    {
        using Child target = Targets.StartWithAgent("Spin", "2");
        using var collect = new CollectRun(target.Pid, "auto", "-r", "1000", "-d", "600");
        collect.WaitForSamples(SpinningTarget.Enough);
        /* It holds its target's region, and has no agent by that. */
        Assert.Equal(AgentPresence.Absent, new RegionAgentProbe().Probe(collect.Child.Pid));
        Assert.Null(MappedRegion.Find(collect.Child.Pid));
        collect.Child.Stop();
        var time = Stopwatch.StartNew();
        while (time.Elapsed < TimeSpan.FromSeconds(6))
        {
            Assert.Equal(AgentPresence.Sampling, SpinningTarget.Probe(target));
            Thread.Sleep(500);
        }
        collect.Child.Continue();
        DrainedRecords.Wait(target.Pid, SpinningTarget.Enough);
        collect.Child.Interrupt();
        SpinningTarget.AssertNamed(collect.Finish());
        Assert.DoesNotContain("stopped serving this collector", collect.Child.Output, StringComparison.Ordinal);
    }
}
