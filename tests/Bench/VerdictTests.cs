using DotnetPprof.Bench.Statistics;
using Xunit;

namespace DotnetPprof.Tests.Bench;

/// <summary>When a comparison may speak of a difference.</summary>
public sealed class VerdictTests
{
    private static readonly double[] hundred = [99, 100, 101, 98, 102, 100.5];

    [Fact]
    public void TenPercentLessIsBetter()
    {
        Verdict verdict = Verdict.Of(hundred, [.. hundred.Select(value => 0.9 * value)]);
        Assert.Equal(Outcome.Better, verdict.Outcome);
        Assert.Equal(100.25, verdict.MedianA);
        Assert.Equal(90.225, verdict.MedianB, 9);
        Assert.Equal(-0.1, verdict.Change, 9);
        Assert.Equal(2 / 924.0, verdict.PValue, 9); // all six of one side below all six of the other, either way round
    }

    [Fact]
    public void TenPercentMoreIsWorseForTimeAndBetterForWork()
    {
        double[] more = [.. hundred.Select(value => 1.1 * value)];
        Assert.Equal(Outcome.Worse, Verdict.Of(hundred, more).Outcome);
        Assert.Equal(Outcome.Better, Verdict.Of(hundred, more, higherIsBetter: true).Outcome);
        Assert.Equal(Outcome.Worse, Verdict.Of(more, hundred, higherIsBetter: true).Outcome);
    }

    [Fact]
    public void SignificantButSmallIsNoClaim()
    {
        double[] a = [100, 100.1, 100.2, 99.9, 99.8, 100];
        Verdict verdict = Verdict.Of(a, [.. a.Select(value => 1.04 * value)]);
        Assert.True(verdict.PValue < Verdict.Significance);
        Assert.Equal(Outcome.Small, verdict.Outcome);
    }

    [Theory]
    [InlineData(1.05, nameof(Outcome.Worse))]
    [InlineData(0.95, nameof(Outcome.Better))]
    [InlineData(1.0499, nameof(Outcome.Small))]
    public void FivePercentIsEnough(double factor, string expected)
    {
        double[] a = [100, 100.1, 100.2, 99.9, 99.8, 100];
        Assert.Equal(expected, Verdict.Of(a, [.. a.Select(value => factor * value)]).Outcome.ToString());
    }

    [Fact]
    public void LargeButScatteredIsNoise()
    {
        Verdict verdict = Verdict.Of([80, 100, 130, 95, 140, 85], [90, 125, 120, 75, 150, 115]);
        Assert.Equal(0.2051, verdict.Change, 4);
        Assert.Equal(Outcome.Noise, verdict.Outcome);
    }

    [Fact]
    public void OneWildValueChangesNothing() =>
        Assert.Equal(Outcome.Noise, Verdict.Of(hundred, [99, 100, 101, 98, 102, 10_000]).Outcome);

    [Fact]
    public void EqualValuesAreNoise()
    {
        Verdict verdict = Verdict.Of([7, 7, 7, 7], [7, 7, 7, 7]);
        Assert.Equal(0, verdict.Change);
        Assert.Equal(Outcome.Noise, verdict.Outcome);
    }

    [Fact]
    public void FourAgainstFourIsTheLeastThatCanBeSignificant()
    {
        Verdict verdict = Verdict.Of([10, 11, 12, 13], [20, 21, 22, 23]);
        Assert.Equal(2 / 70.0, verdict.PValue, 9);
        Assert.Equal(Outcome.Worse, verdict.Outcome);
        Assert.Throws<ArgumentException>(() => Verdict.Of([10, 11, 12], [20, 21, 22, 23]));
    }

    [Fact]
    public void FromNothingToSomethingIsAChange() =>
        Assert.Equal(Outcome.Worse, Verdict.Of([0, 0, 0, 0, 0], [3, 4, 5, 6, 7]).Outcome);

    [Fact]
    public void ValuesThatAreNotNumbersAreRefused() =>
        Assert.Throws<ArgumentException>(() => Verdict.Of([1, 2, 3, double.NaN], [1, 2, 3, 4]));

    [Fact]
    public void SidesTakeTurns() =>
        Assert.Equal("ABBAABBA", string.Concat(Interleaving.Order(2)));

    [Fact]
    public void FirstRunsAreNotCounted()
    {
        var log = new List<string>();
        (List<double> a, List<double> b) = Interleaving.Run(1, () => Note("A"), () => Note("B"));
        Assert.Equal("ABABBA", string.Concat(log));
        Assert.Equal([3, 6], a);
        Assert.Equal([4, 5], b);

        double Note(string side)
        {
            log.Add(side);
            return log.Count;
        }
    }

    [Theory]
    [InlineData(2.0, 3.0, 1.0, 2.0)]
    [InlineData(2.5, 1.0, 2.0, 3.0, 4.0)]
    [InlineData(5.0, 5.0)]
    public void Median(double expected, params double[] values) => Assert.Equal(expected, Medians.Of(values));

    [Fact]
    public void DeviationIgnoresOutliers() => Assert.Equal(1, Medians.Deviation([10, 11, 12, 13, 1000]));
}
