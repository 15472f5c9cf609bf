using System.Globalization;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Threads that come and go are sampled, under their names.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class ThreadTests(ITestOutputHelper log)
{
    private const int Parade = 500;

    [Fact]
    public void ShortLivedThreadsAreSampled()
    {
        using TargetProgram target = TargetProgram.StartReady("ThreadParade");
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "1000");
        collecting.WaitForLine("Sampling");
        target.Send($"parade {Parade}");
        long truth = Cpu(target.WaitForLine("done"));
        collecting.Signal(2);
        PprofFile profile = collector.Finish(collecting);

        List<PprofSample> marching = [.. profile.StackSamples.Where(sample => sample.ThreadName.StartsWith("parade ", StringComparison.Ordinal))];
        int seen = marching.Select(sample => sample.ThreadName).Distinct().Count();
        double error = (marching.Sum(sample => sample.CpuNanos) - truth) / (double)truth;
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seen} of {Parade} threads, CPU error {error:P2}, unsampled {profile.UnsampledShare:P2}"));
        Assert.InRange(seen, Parade * 95 / 100, Parade);
        Assert.InRange(error, -0.05, 0.05);
        Assert.InRange(profile.UnsampledShare, 0, 0.02);
    }

    [Fact]
    public void NamesReachTheLabels()
    {
        using TargetProgram target = TargetProgram.StartReady("ThreadParade");
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "1000");
        collecting.WaitForLine("Sampling");
        target.Send("early");
        target.WaitForLine("done");
        target.Send("rename");
        target.WaitForLine("done");
        collecting.Signal(2);
        PprofFile profile = collector.Finish(collecting);

        HashSet<string> names = [.. profile.StackSamples.Where(sample => sample.Has("ThreadParade.Program.Burn(")).Select(sample => sample.ThreadName)];
        log.WriteLine(string.Join(", ", names));
        Assert.Contains("named before start", names);
        Assert.Contains("second name", names);
        Assert.All(names, name => Assert.Contains(name, new[] { "named before start", "first name", "second name" }));
    }

    private static long Cpu(string answer) => long.Parse(answer.Split(' ')[1], CultureInfo.InvariantCulture);
}
