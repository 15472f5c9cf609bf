using System.Diagnostics;
using DotnetPprof.Session;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Either side may die at any moment; the other one goes on, or ends in order.</summary>
public sealed class DeathTests(ITestOutputHelper output)
{
    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void ProfileOfATargetThatIsKilledIsNamed(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.Start("Spin", "2");
        using var collect = new CollectRun(target.Pid, engine, "-r", "1000");
        collect.WaitForSamples(SpinningTarget.Enough);
        target.Kill();
        PprofFile profile = collect.Finish();
        Assert.Contains("ended; the profile holds what came before", collect.Child.Output, StringComparison.Ordinal);
        SpinningTarget.AssertNamed(profile);
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void AgentSleepsWhenItsCollectorIsKilled(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.StartWithAgent("Spin", "2");
        using (var collect = new CollectRun(target.Pid, engine, "-r", "10000"))
        {
            collect.WaitUntilSampling();
            Assert.Equal(AgentPresence.Sampling, SpinningTarget.Probe(target));
            if (engine == Engines.Timer)
                Assert.NotEqual(0, ProcessState.TimersOf(target.Pid));
            else
                Assert.NotEqual(0, ProcessState.PerfEventsOf(target.Pid));
            collect.Child.Kill();
            var time = Stopwatch.StartNew();
            Eventually.True(() => SpinningTarget.Probe(target) == AgentPresence.Asleep, "the agent went to sleep");
            output.WriteLine($"asleep after {time.Elapsed.TotalSeconds:0.00} s");
            Assert.InRange(ProcessState.TimersOf(target.Pid), -1, 0);
            Assert.Equal(0, ProcessState.PerfEventsOf(target.Pid));
            SpinningTarget.AssertCounts(target);
        }
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void TakesOverFromACollectorThatWasKilled(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.StartWithAgent("Spin", "2");
        using (var collect = new CollectRun(target.Pid, engine, "-r", "10000"))
        {
            collect.WaitUntilSampling();
            collect.Child.Kill();
        }
        SpinningTarget.AssertCanBeCollected(target, engine);
    }

    [Fact]
    public void SecondCollectorIsRefusedByName()
    {
        using Child target = Targets.StartWithAgent("Spin", "1");
        using var first = new CollectRun(target.Pid, "auto");
        first.WaitUntilSampling();
        using var second = new CollectRun(target.Pid, "auto");
        Assert.Equal(1, second.Child.WaitForExit());
        Assert.Contains($"collector with pid {first.Child.Pid}", second.Child.Error, StringComparison.Ordinal);
        first.Child.Interrupt();
        first.Finish();
    }
}
