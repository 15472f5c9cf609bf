using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Regular expressions and LINQ: generics, lambdas, iterators, and code that is made while the program runs.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class QueriesTests(ITestOutputHelper log)
{
    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void StacksAreWholeAndNamed(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using TargetProgram target = TargetProgram.StartReady("Queries");
        Thread.Sleep(1000); // past the first rounds, which only start things up
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "5", "-r", "1000", "--engine", engine);
        target.Finish();

        var quality = new StackQuality(profile);
        log.WriteLine($"{quality}; unsampled {profile.UnsampledShare:P2}");
        Assert.True(profile.CpuNanosUnder("System.Text.RegularExpressions.") > 0);
        Assert.True(profile.CpuNanosUnder("System.Linq.") > 0);
        quality.MeetsTheBar(profile);
    }
}
