using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Other people's code computes the same while it is sampled.</summary>
public sealed class PackageParityTests(ITestOutputHelper output)
{
    private const int RateHz = 10_000;
    private const int LeastCases = 1000;

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void PackagesGiveTheSameResultsWhileTheyAreSampled(string engine)
    {
        Engines.SkipWhereRefused(engine);
        List<string> expected;
        using (Child alone = Targets.Start("Packages"))
            expected = Results(alone);
        Assert.True(expected.Count >= LeastCases, $"{expected.Count} cases");

        using Child sampled = Targets.StartWithAgent("Packages");
        using ICapture capture = Targets.Attach(sampled, engine, RateHz);
        List<string> actual = Results(sampled);
        CaptureSummary summary = capture.Finish().Summary;
        output.WriteLine($"{actual.Count} cases, {summary.Samples} samples in {summary.CpuNanos / 1e9:0.0} s of CPU time");
        Assert.Equal(expected, actual);
        Assert.True(summary.Samples > LeastCases, $"only {summary.Samples} samples");
    }

    private static List<string> Results(Child program)
    {
        program.Send("go");
        Assert.Equal(0, program.WaitForExit());
        return [.. program.Output.Split('\n').Where(line => line.StartsWith("case ", StringComparison.Ordinal))];
    }
}
