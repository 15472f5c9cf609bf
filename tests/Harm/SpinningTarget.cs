using DotnetPprof.Session;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>What must be true of a spinning target and its profiles, whatever became of a collector.</summary>
internal static class SpinningTarget
{
    /* By far more than are looked for in a profile, and than the first few, whose callers are not known yet. */
    internal const int Enough = 1500;

    internal static AgentPresence Probe(Child target) => new RegionAgentProbe().Probe(target.Pid);

    internal static void AssertCanBeCollected(Child target, string engine)
    {
        using var collect = new CollectRun(target.Pid, engine, "-r", "1000");
        collect.WaitForSamples(Enough);
        collect.Child.Interrupt();
        AssertNamed(collect.Finish());
    }

    internal static void AssertNamed(PprofFile profile)
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

    internal static void AssertCounts(Child target)
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
