using System.Globalization;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>More distinct stacks than the region has room for: none is lost, and none is taken for another's.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class StackStoreTests(ITestOutputHelper log)
{
    /* A stack of this program takes about half a kilobyte, and half the section is 16 MiB. */
    private const int StacksThatFillAHalf = 32_000;

    /* Hardly any two of them have the same stack. */
    private const ulong Records = 100_000;
    private const int SigInt = 2;

    [Fact]
    public void TheStoreIsUsedAgain()
    {
        using TargetProgram target = TargetProgram.StartReady("Forest");
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "10000", "--max-overhead", "none");
        collecting.WaitForLine("Sampling");
        DrainedRecords.Wait(target.Pid, Records);
        collecting.Signal(SigInt);
        PprofFile profile = collector.Finish(collecting);
        target.Finish();

        List<PprofSample> stacks = [.. profile.StackSamples.Where(sample => sample.Has("Forest.Program.Leaf"))];
        long samples = stacks.Sum(sample => sample.Count);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{samples} samples, {stacks.Count} distinct stacks"));
        Assert.DoesNotContain(profile.Comments, comment => comment.Contains("stack store full", StringComparison.Ordinal));
        Assert.True(stacks.Count > StacksThatFillAHalf, "the store was not filled");
        foreach (PprofSample sample in stacks)
        {
            bool oak = sample.ThreadName == "oak";
            Assert.Equal(oak, sample.Has("Forest.Program.OakBranch"));
            Assert.Equal(!oak, sample.Has("Forest.Program.FirBranch"));
        }
    }
}
