using System.Globalization;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>A profile's CPU time is the process's own, and its shares are the functions'.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class CpuTruthTests(ITestOutputHelper log)
{
    [Theory]
    [InlineData(1, 100)]
    [InlineData(1, 250)]
    [InlineData(1, 1000)]
    [InlineData(8, 100)]
    [InlineData(8, 250)]
    [InlineData(8, 1000)]
    public void CpuTimeIsTheProcesses(int threads, int rate)
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", $"{threads}");
        using var witness = new CpuWitness(target.Pid);
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "4", "-r", $"{rate}");
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        string result = target.Finish().Split('\n')[^1];

        double error = (profile.CpuNanos - truth) / (double)truth;
        string[] words = result.Split(' ');
        double heavyTruth = double.Parse(words[1], CultureInfo.InvariantCulture);
        heavyTruth /= heavyTruth + double.Parse(words[3], CultureInfo.InvariantCulture);
        long heavy = profile.CpuNanosUnder("Burner.Program.Heavy");
        long light = profile.CpuNanosUnder("Burner.Program.Light");
        double heavyShare = heavy / (double)(heavy + light);
        long samples = profile.StackSamples.Sum(sample => sample.Count);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{threads} threads at {rate} Hz: CPU {truth / 1e9:0.000} s, error {error:P2}, unsampled {profile.UnsampledShare:P2}, Heavy {heavyShare:P2} of {heavyTruth:P2}, {samples} samples"));

        Assert.InRange(error, -0.05, 0.05);
        Assert.InRange(profile.UnsampledShare, 0, 0.02);
        /* Four standard deviations of a share estimated from so many samples. */
        double chance = 4 * Math.Sqrt(heavyTruth * (1 - heavyTruth) / samples);
        Assert.InRange(heavyShare - heavyTruth, -0.01 - chance, 0.01 + chance);
        Assert.True(heavy + light > 0.9 * (profile.CpuNanos - profile.CpuNanosUnder(ProfileExtensions.Agent)), result);
        Assert.Equal(
            Enumerable.Range(0, threads).Select(i => $"burner {i}"),
            profile.StackSamples.Where(sample => sample.Has("Burner.Program.Heavy")).Select(sample => sample.ThreadName).Distinct().Order());
    }
}
