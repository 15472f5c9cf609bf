using System.Globalization;
using DotnetPprof.Interop;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Sampling in bursts: the CPU time is complete, and samples stand for that of the bursts alone.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class BurstTests(ITestOutputHelper log)
{
    private const string Between = "[between bursts]";

    [Theory]
    [InlineData("timer", 1000)]
    [InlineData("timer", 10_000)]
    [InlineData("perf", 10_000)]
    public void CpuTimeIsCompleteAndSamplesStandForTheBursts(string engine, int rate)
    {
        Assert.SkipWhen(engine == "perf" && MachineInterop.TryPerfEvent(excludeKernel: true) != 0, "perf_event_open is refused here");
        using TargetProgram target = TargetProgram.StartReady("Burner", "2");
        using var witness = new CpuWitness(target.Pid);
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "4", "-r", $"{rate}", "--engine", engine, "--burst", "100ms/500ms");
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        target.Finish();

        double error = (profile.CpuNanos - truth) / (double)truth;
        double between = profile.CpuNanosUnder(Between) / (double)truth;
        double perSample = profile.StackSamples.Where(sample => !sample.Has(Between)).Sum(sample => sample.CpuNanos) /
            (double)profile.StackSamples.Sum(sample => sample.Count);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{engine} at {rate} Hz: CPU {truth / 1e9:0.000} s, error {error:P2}, between bursts {between:P2}, {perSample:0} ns a sample, unsampled {profile.UnsampledShare:P2}"));
        Assert.InRange(error, -0.05, 0.05);
        Assert.InRange(profile.UnsampledShare, 0, 0.02);
        /* Four fifths, as long as the agent gets to end the bursts; never next to nothing or all. */
        Assert.InRange(between, 0.4, 0.95);
        /* The time between is in no sample's weight: it would be five times its period. */
        Assert.InRange(perSample * rate / 1e9, 0.5, 2);
        Assert.All(profile.StackSamples.Where(sample => sample.Has(Between)), sample => Assert.Equal(0, sample.Count));
        Assert.Equal(
            ["burner 0", "burner 1"],
            profile.StackSamples.Where(sample => sample.Has(Between) && sample.ThreadName.StartsWith("burner", StringComparison.Ordinal)).Select(sample => sample.ThreadName).Distinct().Order());
        Assert.Contains("bursts: 100 ms in every 500 ms", profile.Comments);
    }
}
