using System.Globalization;
using System.Text.RegularExpressions;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Threads that run for a millisecond or two and then sleep: less than a kernel tick at a time.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed partial class BurstyThreadTests(ITestOutputHelper log)
{
    private const string Shortfall = "samples per second of CPU time came";

    public static TheoryData<string, int, int, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, int, int>();
            foreach (string engine in new[] { Engines.Timer, Engines.Perf })
            {
                foreach (int rate in new[] { 1000, 10_000 })
                {
                    cases.Add(engine, rate, 1000, 1000);
                    cases.Add(engine, rate, 2000, 8000);
                }
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void CpuTimeIsTheProcessesAndAShortfallIsSaid(string engine, int rate, int onMicros, int offMicros)
    {
        Engines.SkipWhereRefused(engine);
        using TargetProgram target = TargetProgram.StartReady("Burner", "2", $"{onMicros}", $"{offMicros}");
        using var witness = new CpuWitness(target.Pid);
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "3", "-r", $"{rate}", "--engine", engine, "--max-overhead", "none");
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        target.Finish();

        double error = (profile.CpuNanos - truth) / (double)truth;
        Match rates = Rates().Match(profile.Comments.Single(comment => comment.StartsWith("rate: ", StringComparison.Ordinal)));
        double armed = double.Parse(rates.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        double delivered = double.Parse(rates.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
        long samples = profile.StackSamples.Sum(sample => sample.Count);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{engine} at {rate} Hz, {onMicros} us on, {offMicros} us off: CPU {truth / 1e9:0.000} s, error {error:P2}, unsampled {profile.UnsampledShare:P2}, {samples} samples, armed {armed:0} Hz, delivered {delivered:0}"));

        Assert.InRange(error, -0.05, 0.05);
        Assert.InRange(profile.UnsampledShare, 0, 0.05);
        int said = collector.LastOutput.Split('\n').Count(line => line.Contains(Shortfall, StringComparison.Ordinal));
        /* In between it is chance whether the difference is beyond chance. */
        double due = samples * armed / delivered;
        if (delivered > 0.98 * armed)
            Assert.Equal(0, said);
        else if (delivered < 0.96 * armed && due - samples > 5 * Math.Sqrt(due))
            Assert.Equal(1, said);
        Assert.Equal(armed != rate, collector.LastOutput.Contains("Hz armed", StringComparison.Ordinal));
    }

    [GeneratedRegex("armed ([0-9]+) Hz, delivered ([0-9]+) ")]
    private static partial Regex Rates();
}
