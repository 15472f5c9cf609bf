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
        var choice = EngineChoice.Make(new SessionRequest(1000, 0, 128, 0, 0, EngineKind.Timer, ClockKind.Auto), () => throw new InvalidOperationException(), () => throw new InvalidOperationException());
        Assert.Equal(new EngineChoice(EngineKind.Timer, "", 0, null), choice);
    }

    [Theory]
    [InlineData(8192, 1)]
    [InlineData(128, 64)]
    public void AutoTakesPerfWhileEventsAreFew(int threads, int cpus) =>
        Assert.Equal(EngineKind.Perf, Make(EngineKind.Auto, ClockKind.Auto, Permitted, threads, cpus).Kind);

    [Theory]
    [InlineData(8193, 1, "8193 threads on 1 CPUs would take 8193 perf events")]
    [InlineData(129, 64, "129 threads on 64 CPUs would take 8256 perf events")]
    [InlineData(100_000, 60, "100000 threads on 60 CPUs would take 6000000 perf events")]
    [InlineData(1, 65, "each new thread would inherit 65 perf events")]
    public void AutoTakesTimersWhereEventsWouldBeManyAndPerfByNameStays(int threads, int cpus, string why)
    {
        EngineChoice choice = Make(EngineKind.Auto, ClockKind.Auto, Permitted, threads, cpus);
        Assert.Equal(EngineKind.Timer, choice.Kind);
        Assert.Null(choice.Error);
        Assert.Contains(why, choice.WhyTimer, StringComparison.Ordinal);
        Assert.Equal(new EngineChoice(EngineKind.Perf, "", Cost, null), Make(EngineKind.Perf, ClockKind.Auto, Permitted, threads, cpus));
    }

    [Theory]
    [InlineData("0\n", 1)]
    [InlineData("0-95\n", 96)]
    [InlineData("0-3,8,10-11\n", 7)]
    [InlineData("", 0)]
    public void CpusAreCountedAsTheKernelListsThem(string list, int count) => Assert.Equal(count, OnlineCpus.Parse(list));

    [Fact]
    public void SampleWhoseCostIsNotKnownIsNone() =>
        Assert.Equal(EngineKind.Timer, EngineChoice.Make(new SessionRequest(1000, 0, 128, 0, 0, EngineKind.Auto, ClockKind.Auto), () => (0, 0), () => (2, 2)).Kind);

    private static EngineChoice Make(EngineKind engine, ClockKind clock, long error, int threads = 2, int cpus = 2) =>
        EngineChoice.Make(new SessionRequest(1000, 0, 128, 0, 0, engine, clock), () => (error, error == 0 ? Cost : 0), () => (threads, cpus));
}
