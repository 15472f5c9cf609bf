using DotnetPprof.Agent;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Agent;

/// <summary>Which engine a session gets: by what was asked for, and by what the kernel's probe says.</summary>
public sealed class EngineChoiceTests
{
    private const long Permitted = 0, Refused = -13, Seccomp = -1, NoPerf = -38, NoSample = -62, Deadly = -131;
    private const ulong Cost = 12_000;

    [Theory]
    [InlineData(ClockKind.Auto)]
    [InlineData(ClockKind.Stopwatch)]
    public void AutoTakesPerfWhereItWorks(ClockKind clock)
    {
        EngineChoice choice = Make(EngineKind.Auto, clock, Permitted);
        Assert.Equal(new EngineChoice(EngineKind.Perf, "", Cost, null), choice);
    }

    [Theory]
    [InlineData(Refused, "perf_event_open is refused")]
    [InlineData(Seccomp, "perf_event_open is refused")]
    [InlineData(NoPerf, "no perf events")]
    [InlineData(NoSample, "no sample came")]
    [InlineData(Deadly, "a seccomp filter may end the process")]
    [InlineData(-7, "errno 7")]
    public void AutoTakesTimersElseAndPerfByNameIsAnError(long error, string why)
    {
        EngineChoice choice = Make(EngineKind.Auto, ClockKind.Auto, error);
        Assert.Equal(EngineKind.Timer, choice.Kind);
        Assert.Null(choice.Error);
        Assert.Contains(why, choice.WhyTimer, StringComparison.Ordinal);
        Assert.Contains(why, Make(EngineKind.Perf, ClockKind.Auto, error).Error!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ClockKind.Tsc)]
    [InlineData(ClockKind.Runtime)]
    [InlineData(ClockKind.Vdso)]
    public void ClockByNameComesBeforeTheEngine(ClockKind clock)
    {
        EngineChoice choice = Make(EngineKind.Auto, clock, Permitted);
        Assert.Equal(EngineKind.Timer, choice.Kind);
        Assert.Contains("another clock was asked for", choice.WhyTimer, StringComparison.Ordinal);
        Assert.Contains("another clock was asked for", Make(EngineKind.Perf, clock, Permitted).Error!, StringComparison.Ordinal);
    }

    [Fact]
    public void TimersByNameAreNotProbedFor()
    {
        var choice = EngineChoice.Make(new SessionRequest(1000, 0, 128, 0, 0, EngineKind.Timer, ClockKind.Auto), () => throw new InvalidOperationException());
        Assert.Equal(new EngineChoice(EngineKind.Timer, "", 0, null), choice);
    }

    [Fact]
    public void SampleWhoseCostIsNotKnownIsNone() =>
        Assert.Equal(EngineKind.Timer, EngineChoice.Make(new SessionRequest(1000, 0, 128, 0, 0, EngineKind.Auto, ClockKind.Auto), () => (0, 0)).Kind);

    private static EngineChoice Make(EngineKind engine, ClockKind clock, long error) =>
        EngineChoice.Make(new SessionRequest(1000, 0, 128, 0, 0, engine, clock), () => (error, error == 0 ? Cost : 0));
}
