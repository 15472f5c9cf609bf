using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>A rate that the machine cannot give is limited: a target slows down, it never stands still.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class RateTests
{
    [Theory]
    [InlineData("timer", 2, 1_000_000, true)]
    [InlineData("timer", 8, 50_000, false)]
    [InlineData("perf", 2, 1_000_000, true)]
    public void TargetGoesOnAtTheHighestRates(string engine, int threads, int rate, bool isLimited)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.StartWithAgent("Spin", $"{threads}");
        long before = LoopsIn(target, TimeSpan.FromSeconds(1));
        using var collect = new CollectRun(target.Pid, engine, "-r", $"{rate}", "-d", "4");
        collect.WaitUntilSampling();
        Thread.Sleep(500);
        long during = LoopsIn(target, TimeSpan.FromSeconds(2));
        PprofFile profile = collect.Finish();
        target.Send("stop");
        Assert.Equal(3, target.WaitForExit());

        Assert.True(during > before / 20, $"{before} loops a second without us, {during} in two with us: {collect.Child.Describe()}");
        Assert.True(profile.Samples.Sum(sample => sample.Values[0]) > 1000, collect.Child.Describe());
        if (isLimited)
        {
            Assert.Contains(" Hz armed: l", collect.Child.Output, StringComparison.Ordinal); /* limited or lowered */
            Assert.Contains(profile.Comments, comment => comment.StartsWith("rate note: ", StringComparison.Ordinal));
        }
    }

    private static long LoopsIn(Child target, TimeSpan time)
    {
        target.Send("count");
        long before = long.Parse(target.ReadLine());
        Thread.Sleep(time);
        target.Send("count");
        return long.Parse(target.ReadLine()) - before;
    }
}
