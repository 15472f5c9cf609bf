using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>
/// The runtime handles a fault on a small alternate stack that has no room for a signal frame with wide registers. A
/// profiler that signals there kills the process within a second.
/// </summary>
[Collection(RealProgramsCollection.Name)]
public sealed class NullReferenceStormTests(ITestOutputHelper output)
{
    private const int Throwers = 4;
    private const long WindowNanos = 3_000_000_000;

    /* A minute and more by hand. */
    private static readonly string? s_seconds = Environment.GetEnvironmentVariable("HARM_STORM_SECONDS");

    [Theory]
    [InlineData("timer", 0, "6")]
    [InlineData("timer", 2, "6")]
    [InlineData("perf", 2, "4")]
    public void ThreadsThatThrowAreSampledToTheEnd(string engine, int collectors, string seconds)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.StartWithAgent("Storm", $"{Throwers}", $"{collectors}");
        using var collect = new CollectRun(target.Pid, engine, "-r", "20000", "-d", s_seconds ?? seconds, "--timestamps");
        PprofFile profile = collect.Finish();
        target.Send("stop");
        string[] thrown = target.ReadLine().Split(' ');
        Assert.Equal(0, target.WaitForExit());
        output.WriteLine($"{target.Output} {profile.Samples.Count} samples");
        Assert.All(thrown[1..], count => Assert.True(long.Parse(count) > 1000, $"only {count} exceptions: {target.Describe()}"));

        long end = profile.TimeNanos + profile.DurationNanos;
        for (int i = 0; i < Throwers; i++)
        {
            var samples = profile.Samples.Where(sample => sample.Label("thread name")?.Text == $"storm-{i}").ToList();
            long last = samples.Max(sample => sample.Label("end_timestamp_ns")!.Number);
            Assert.True(samples.Count > 500, $"storm-{i} has {samples.Count} samples: {collect.Child.Describe()}");
            Assert.True(end - last < WindowNanos, $"storm-{i} was last sampled {(end - last) / 1e9:0.0} s before the end");
        }
    }
}
