using System.Diagnostics;
using DotnetPprof.Session;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Either side may die or be stopped at any moment; the other one goes on, or ends in order.</summary>
public sealed class DeathTests(ITestOutputHelper output)
{
    /* By far more than are looked for in a profile, and than the first few, whose callers are not known yet. */
    private const int Enough = 1500;

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void ProfileOfATargetThatIsKilledIsNamed(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.Start("Spin", "2");
        using var collect = new CollectRun(target.Pid, engine, "-r", "1000");
        collect.WaitForSamples(Enough);
        target.Kill();
        PprofFile profile = collect.Finish();
        Assert.Contains("ended; the profile holds what came before", collect.Child.Output, StringComparison.Ordinal);
        AssertNamed(profile);
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
            Assert.Equal(AgentPresence.Sampling, Probe(target));
            if (engine == Engines.Timer)
                Assert.NotEqual(0, ProcessState.TimersOf(target.Pid));
            else
                Assert.NotEqual(0, ProcessState.PerfEventsOf(target.Pid));
            collect.Child.Kill();
            var time = Stopwatch.StartNew();
            Eventually.True(() => Probe(target) == AgentPresence.Asleep, "the agent went to sleep");
            output.WriteLine($"asleep after {time.Elapsed.TotalSeconds:0.00} s");
            Assert.InRange(ProcessState.TimersOf(target.Pid), -1, 0);
            Assert.Equal(0, ProcessState.PerfEventsOf(target.Pid));
            AssertCounts(target);
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
        AssertCanBeCollected(target, engine);
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

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void CollectorThatWasStoppedTooLongKeepsWhatItHad(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.StartWithAgent("Spin", "2");
        using var stopped = new CollectRun(target.Pid, engine, "-r", "1000", "-d", "600");
        stopped.WaitForSamples(Enough);
        stopped.Child.Stop();
        Eventually.True(() => Probe(target) == AgentPresence.Asleep, "the agent went to sleep");
        /* What the first collector has seen must not be read from what the agent now writes for this one. */
        AssertCanBeCollected(target, engine);
        stopped.Child.Continue();
        Assert.Equal(2, stopped.Child.WaitForExit());
        Assert.Contains("stopped serving this collector", stopped.Child.Output, StringComparison.Ordinal);
        AssertNamed(stopped.Profile());
        AssertCounts(target);
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void CollectEndsThoughItsTargetIsStopped(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.StartWithAgent("Spin", "2");
        using var collect = new CollectRun(target.Pid, engine, "-r", "1000", "-d", "600");
        collect.WaitForSamples(Enough);
        /* The end is asked for only now: a capture that ended by itself could have had its answer before the stop. */
        target.Stop();
        collect.Child.Interrupt();
        try
        {
            var time = Stopwatch.StartNew();
            int code = collect.Child.WaitForExit();
            output.WriteLine($"ended with {code} after {time.Elapsed.TotalSeconds:0.0} s:\n{collect.Child.Output}\n{collect.Child.Error}");
            collect.Profile();
            Assert.Contains("does not answer", collect.Child.Output, StringComparison.Ordinal);

            using var second = new CollectRun(target.Pid, engine, "-d", "1");
            Assert.Equal(1, second.Child.WaitForExit());
            Assert.Contains("is stopped and cannot answer", second.Child.Error, StringComparison.Ordinal);
        }
        finally
        {
            target.Continue();
        }
        AssertCounts(target);
    }

    private static AgentPresence Probe(Child target) => new RegionAgentProbe().Probe(target.Pid);

    private static void AssertCanBeCollected(Child target, string engine)
    {
        using var collect = new CollectRun(target.Pid, engine, "-r", "1000");
        collect.WaitForSamples(Enough);
        collect.Child.Interrupt();
        AssertNamed(collect.Finish());
    }

    private static void AssertNamed(PprofFile profile)
    {
        long all = 0, whole = 0;
        foreach (PprofSample sample in profile.Samples)
        {
            List<string> names = [.. sample.FunctionNames];
            if (!names.Exists(name => name.Contains("Program.Mix", StringComparison.Ordinal) || name.Contains("Program.Spin", StringComparison.Ordinal)))
                continue;
            all += sample.Values[0];
            if (names.Exists(name => name.Contains("Thread.StartCallback", StringComparison.Ordinal)))
                whole += sample.Values[0];
        }
        Assert.True(all > 100, $"{all} samples of the busy method");
        Assert.True(whole > all * 0.9, $"{whole} of {all} samples of the busy method reach where managed threads begin");
    }

    private static void AssertCounts(Child target)
    {
        long before = Count(target);
        Eventually.True(() => Count(target) > before, "the target goes on");
    }

    private static long Count(Child target)
    {
        target.Send("count");
        return long.Parse(target.ReadLine());
    }
}
