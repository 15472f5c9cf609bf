using DotnetPprof.Bench.Statistics;
using Xunit;

namespace DotnetPprof.Tests.Bench;

public class QuartilesTests
{
    [Fact]
    public void ValuesBetweenTwoAreInterpolated() => Assert.Equal(new Quartiles(1.75, 2.5, 3.25), Quartiles.Of([4, 1, 3, 2]));

    [Fact]
    public void OneValueIsAllOfThem() => Assert.Equal(new Quartiles(7, 7, 7), Quartiles.Of([7]));

    [Fact]
    public void NoValuesHaveNone() => Assert.Throws<ArgumentException>(() => Quartiles.Of([]));
}
