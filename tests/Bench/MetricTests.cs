using DotnetPprof.Bench.Statistics;
using Xunit;

namespace DotnetPprof.Tests.Bench;

/// <summary>What a comparison reads from a command's output.</summary>
public sealed class MetricTests
{
    [Theory]
    [InlineData("took ([0-9.]+) ms", "warming up\ntook 12.5 ms\ntook 13 ms\n", 12.5)]
    [InlineData(@"^[\d,]+", "1,234 requests\n", 1234)]
    [InlineData(@"rate: (\S+)", "rate: 1.5e3\n", 1500)]
    [InlineData(@"^b=(-?\d+)$", "a=1\nb=-2\n", -2)]
    public void FirstGroupOrWholeMatch(string pattern, string output, double expected) =>
        Assert.Equal(expected, Metric.Parse(pattern).Read(output));

    [Fact]
    public void NothingThatMatches() =>
        Assert.Contains("took", Assert.Throws<FormatException>(() => Metric.Parse("took ([0-9]+)").Read("failed\n")).Message);

    [Fact]
    public void AMatchThatIsNoNumber() =>
        Assert.Throws<FormatException>(() => Metric.Parse(@"took (\S+)").Read("took ages\n"));

    [Fact]
    public void NoRegularExpression() => Assert.ThrowsAny<ArgumentException>(() => Metric.Parse("took ("));

    [Theory]
    [InlineData("wall", true, false)]
    [InlineData("user+sys", false, true)]
    [InlineData("walls", false, false)]
    public void TimesByName(string name, bool wall, bool cpu)
    {
        Metric metric = Metric.Parse(name);
        Assert.Equal(wall, metric.IsWall);
        Assert.Equal(cpu, metric.IsCpu);
    }
}
