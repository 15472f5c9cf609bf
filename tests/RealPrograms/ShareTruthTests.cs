using System.Globalization;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Six functions that divide CPU time between them, as their threads' CPU clocks say.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class ShareTruthTests(ITestOutputHelper log)
{
    private const long Enough = 100_000;

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void FunctionsHaveTheirShares(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using TargetProgram target = TargetProgram.StartReady("Shares", "2");
        Thread.Sleep(1000); // until its code is as optimised as it will be
        using var collector = new Collector();
        Dictionary<string, long> before = Used(target);
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "9", "-r", "10000", "--engine", engine);
        Dictionary<string, long> after = Used(target);
        target.Finish();

        PprofSample[] samples = [.. profile.StackSamples.Where(sample => sample.ThreadName == "sharing")];
        long count = samples.Sum(sample => sample.Count);
        double all = samples.Sum(sample => sample.CpuNanos);
        long used = after.Values.Sum() - before.Values.Sum();
        double[] errors = [.. after.Keys.Select(function =>
        {
            double truth = (double)(after[function] - before[function]) / used;
            double shown = samples.Where(sample => sample.Has($".{function}(")).Sum(sample => sample.CpuNanos) / all;
            log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{function} by {engine}: {shown:P2} of {truth:P2}"));
            return Math.Abs(shown - truth);
        })];

        string found = string.Create(CultureInfo.InvariantCulture, $"{engine}: worst error {errors.Max():P2}, {count} samples");
        log.WriteLine(found);
        Assert.Equal(6, errors.Length);
        /*
         * A machine that has other work too gives fewer samples: then four standard deviations of the largest share more.
         * Samples come in runs of one function, so ten count as one.
         */
        double chance = count >= Enough ? 0 : 4 * Math.Sqrt(0.4 * 0.6 / (count / 10.0));
        Assert.True(count > 1000 && errors.Max() <= 0.01 + chance, found);
    }

    /// <summary>Nanoseconds so far, by function.</summary>
    private static Dictionary<string, long> Used(TargetProgram target)
    {
        target.Send("");
        return target.WaitForLine("cpu ").Split(' ').Skip(1).Select(field => field.Split('='))
            .ToDictionary(pair => pair[0], pair => long.Parse(pair[1], CultureInfo.InvariantCulture));
    }
}
