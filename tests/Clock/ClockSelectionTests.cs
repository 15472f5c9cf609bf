using DotnetPprof.Agent.Clock;
using DotnetPprof.Region;
using DotnetPprof.Session;
using Xunit;

namespace DotnetPprof.Tests.Clock;

/// <summary>Which clock follows from which verdicts.</summary>
public sealed class ClockSelectionTests
{
    [Fact]
    public void AutoTakesTheCheapest()
    {
        ClockSelection chosen = Choose(ClockKind.Auto, stopwatch: 23, runtime: 24, vdso: 23, tsc: 9.5);
        Assert.Equal((ClockKind.Tsc, null), (chosen.Clock.Kind, chosen.Failure));
        Assert.Equal("tsc: the cheapest that passed its probes, 9.5 ns a read", chosen.Reason);
        Assert.Equal(ClockKind.Vdso, Choose(ClockKind.Auto, 23, 24, 20, null).Clock.Kind);
        Assert.Equal(ClockKind.Runtime, Choose(ClockKind.Auto, 300, 24, null, null).Clock.Kind);
    }

    [Theory]
    [InlineData(22.0, 21.0, 25.0)]
    [InlineData(null, null, null)]
    [InlineData(null, null, 40.0)]
    public void AutoStaysWithThePublicCallWhereNothingIsCheaperByATenth(double? runtime, double? vdso, double? tsc)
    {
        ClockSelection chosen = Choose(ClockKind.Auto, 23, runtime, vdso, tsc);
        Assert.Equal((ClockKind.Stopwatch, null), (chosen.Clock.Kind, chosen.Failure));
        Assert.Equal("stopwatch: nothing that passed its probes is cheaper by a tenth, 23.0 ns a read", chosen.Reason);
    }

    [Theory]
    [InlineData(ClockKind.Tsc, "tsc")]
    [InlineData(ClockKind.Runtime, "runtime")]
    [InlineData(ClockKind.Vdso, "vdso")]
    [InlineData(ClockKind.Stopwatch, "stopwatch")]
    public void AskedForByNameIsTakenWhateverItCosts(ClockKind kind, string name)
    {
        ClockSelection chosen = Choose(kind, 50, 50, 50, 50);
        Assert.Equal((kind, null), (chosen.Clock.Kind, chosen.Failure));
        Assert.StartsWith($"{name}: asked for by name; passed, 50.0 ns a read", chosen.Reason);
    }

    [Theory]
    [InlineData(ClockKind.Tsc, "tsc")]
    [InlineData(ClockKind.Runtime, "runtime")]
    [InlineData(ClockKind.Vdso, "vdso")]
    public void AskedForByNameAndFailedIsAnErrorAndNoOther(ClockKind kind, string name)
    {
        ClockSelection chosen = Choose(kind, 20, null, null, null);
        Assert.Equal($"the clock {name} was asked for and has failed: because; auto takes one that works", chosen.Failure);
        Assert.Equal(ClockKind.Auto, chosen.Clock.Kind);
    }

    [Fact]
    public void ANumberThatIsNoClockIsAnError() =>
        Assert.Equal("there is no clock of the number 77", Choose((ClockKind)77, 20, 20, 20, 20).Failure);

    [Theory]
    [InlineData("auto", ClockKind.Auto)]
    [InlineData("tsc", ClockKind.Tsc)]
    [InlineData("runtime", ClockKind.Runtime)]
    [InlineData("vdso", ClockKind.Vdso)]
    [InlineData("stopwatch", ClockKind.Stopwatch)]
    public void CollectorAndAgentUseTheSameNames(string name, ClockKind kind)
    {
        Assert.Contains(name, ClockNames.Names);
        Assert.Equal(kind, ClockNames.Parse(name));
        Assert.Equal(name, ClockNames.Of(kind));
        Assert.Equal(name, ClockSelection.Name(kind));
    }

    /// <summary>Nanoseconds a read; null for one that failed.</summary>
    private static ClockSelection Choose(ClockKind wanted, double stopwatch, double? runtime, double? vdso, double? tsc) => ClockSelection.Choose(
        wanted,
        [Verdict(ClockKind.Stopwatch, stopwatch), Verdict(ClockKind.Runtime, runtime), Verdict(ClockKind.Vdso, vdso), Verdict(ClockKind.Tsc, tsc)]);

    private static unsafe ClockVerdict Verdict(ClockKind kind, double? nanos) =>
        nanos is { } cost ? ClockVerdict.Pass(new RawClock(kind, null), cost, "") : ClockVerdict.Fail(kind, "because");
}
