using System.Collections.Concurrent;
using System.Globalization;
using DotnetPprof.Model;
using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>A process sampled without end, in windows: they abut, and nothing is missing from their sum.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class ContinuousCaptureTests(ITestOutputHelper log)
{
    private const int RateHz = 250;
    private const double Unsettled = 3 * 1e9 / RateHz;

    private readonly ConcurrentQueue<(CaptureWindow Window, CaptureResult Result)> finished = new();

    [Fact]
    public void WindowsAbutAndSumToTheProcesses()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "3");
        using var witness = new CpuWitness(target.Pid);
        using ContinuousCapture capture = Attach(target.Pid, seconds: 2, timestamps: true);
        Wait(count: 2);
        capture.Renew(capture.PrepareRenewal());
        Wait(count: 5);
        Assert.Null(capture.End());
        Report(witness);

        Assert.All(finished.SkipLast(1), item => Assert.Equal(0, item.Window.Bounds.WallTo.Value % 2_000_000_000));
        Assert.All(finished.SkipLast(1), item => Assert.False(item.Window.IsCut));
        Assert.True(finished.Last().Window.IsCut);
        foreach (((CaptureWindow before, _), (CaptureWindow after, _)) in finished.Zip(finished.Skip(1)))
            Assert.Equal((before.Bounds.To, before.WallEnd), (after.Bounds.From, after.Bounds.WallFrom));
        Assert.All(finished, item => CheckTimes(item.Window, item.Result.Profile));
        Assert.All(finished, item => Assert.Contains(item.Result.Profile.Samples, sample => Names(sample).Any(name => name.StartsWith("Burner.Program.Heavy", StringComparison.Ordinal))));
    }

    [Fact]
    public void WhoAsksInBetweenGetsJustThat()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        using var witness = new CpuWitness(target.Pid);
        using ContinuousCapture capture = Attach(target.Pid, seconds: 60);
        using var done = new CountdownEvent(3);
        foreach (double seconds in (double[])[1, 1.5, 4])
        {
            capture.Open(TimeSpan.FromSeconds(seconds), (window, result) =>
            {
                finished.Enqueue((window, result!));
                done.Signal();
            });
        }
        CaptureWindow given = capture.Open(TimeSpan.FromSeconds(1), (_, _) => Assert.Fail("nobody waits for it"));
        capture.Cancel(given);
        Thread.Sleep(1000);
        capture.Renew(capture.PrepareRenewal()); // the longest has two parts
        Assert.True(done.Wait(Harm.Child.HangBound));
        Report(witness);
        Assert.Equal(1, capture.OpenWindows);
        Assert.Equal([1, 1.5, 4], finished.Select(item => item.Result.Profile.DurationNanos / 1e9));
    }

    /// <summary>What the process used up to a window's end is in it, also where nobody sampled at that moment.</summary>
    [Fact]
    public void AWindowThatEndsBetweenTwoRunsHasTheTimeUpToItsEnd()
    {
        const int Windows = 250;
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        using ContinuousCapture capture = Attach(target.Pid, seconds: 60);
        CaptureTarget next = capture.PrepareRenewal();
        using var done = new CountdownEvent(Windows);
        for (int i = 1; i <= Windows; i++)
        {
            capture.Open(TimeSpan.FromMilliseconds(2 * i), (window, result) =>
            {
                finished.Enqueue((window, result!));
                done.Signal();
            });
        }
        capture.Renew(next);
        Assert.True(done.Wait(Harm.Child.HangBound));
        Assert.Equal(1, capture.OpenWindows);
        Assert.Contains(finished, item => item.Window.Parts.Count == 2);
        Assert.All(finished, item => Assert.True(item.Window.Parts[^1].Window.End?.Time.Value >= item.Window.Bounds.To.Value));
    }

    [Fact]
    public async Task ARenewalThatIsGivenUpLeavesTheLastWindowWhole()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        using ContinuousCapture capture = Attach(target.Pid, seconds: 60);
        DrainedRecords.Wait(target.Pid, 100);
        Task<CaptureTarget> renewal = Task.Run(capture.PrepareRenewal, TestContext.Current.CancellationToken);
        Assert.Null(capture.End());
        Assert.True(finished.Single().Result.Summary.Samples > 0);
        (await renewal).Dispose();
    }

    [Fact]
    public async Task WhatTheProcessDidBeforeItsEndIsThere()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        using ContinuousCapture capture = Attach(target.Pid, seconds: 60);
        DrainedRecords.Wait(target.Pid, 100);
        target.Signal(9);
        Assert.Equal(CaptureEnd.TargetExited, await capture.Ended.WaitAsync(Harm.Child.HangBound));
        Assert.Null(capture.End());
        (CaptureWindow window, CaptureResult result) = finished.Single();
        Assert.True(window.IsCut);
        Assert.True(result.Summary.Samples > 0);
        Assert.Contains(result.Profile.Comments, comment => comment.StartsWith("end: ", StringComparison.Ordinal));
        CaptureResult? late = result;
        capture.Open(TimeSpan.FromSeconds(1), (_, nothing) => late = nothing);
        Assert.Null(late);
    }

    /// <summary>Every stack sample has its time, in the window but for what a thread settled late; and nothing else is told than by the sums.</summary>
    private static void CheckTimes(CaptureWindow window, Profile profile)
    {
        List<ProfileSample> timed = [.. profile.Timed!];
        Assert.Equal(profile.Samples.Sum(sample => sample.Count), timed.Sum(sample => sample.Count));
        Assert.Equal(profile.Samples.Sum(sample => sample.CpuNanos), timed.Sum(sample => sample.CpuNanos));
        Assert.All(timed, sample => Assert.Equal(sample.Thread is null, sample.Time is null));
        long outside = timed.Count(sample => sample.Count > 0 && !(sample.Time?.Value >= window.Bounds.WallFrom.Value && sample.Time?.Value < window.WallEnd.Value));
        Assert.InRange(outside, 0, timed.Count / 20);
    }

    private ContinuousCapture Attach(int pid, int seconds, bool timestamps = false)
    {
        var factory = new CaptureFactory(Path.Join(Path.GetDirectoryName(ProgramPaths.Collector), AgentVariables.AgentFile));
        return factory.AttachForever(
            new CaptureOptions(pid, RateHz, timestamps), TimeSpan.FromSeconds(seconds), mayLoad: true, (window, result) => finished.Enqueue((window, result!)));
    }

    private void Wait(int count)
    {
        while (finished.Count < count)
            Thread.Sleep(20);
    }

    /// <summary>Each window's CPU time is the process's within it, give or take what a thread has not settled; so is the sum.</summary>
    private void Report(CpuWitness witness)
    {
        foreach ((CaptureWindow window, CaptureResult result) in finished)
        {
            long truth = witness.Between(window.Bounds.WallFrom.Value, window.WallEnd.Value);
            long cpu = result.Profile.Samples.Sum(sample => sample.CpuNanos);
            log.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{window.Bounds.WallFrom.Value / 1e9 % 3600:0.000} +{result.Profile.DurationNanos / 1e9:0.000} s: CPU {truth / 1e9:0.000}, error {(cpu - truth) / (double)truth:P2}, unsampled {result.Summary.UnsampledNanos / 1e9:0.000}, {result.Summary.Samples} samples"));
            /* A first window may be short: then what three threads have not settled, a period each, is more than that. */
            double slack = 0.05 * truth + Unsettled + witness.Doubt(window.Bounds.WallFrom.Value, window.WallEnd.Value);
            Assert.InRange(cpu - truth, -slack, slack);
            Assert.InRange(result.Summary.UnsampledNanos, 0, 0.1 * truth + Unsettled);
        }
    }

    private static IEnumerable<string> Names(ProfileSample sample) => sample.Stack.SelectMany(location => location.Lines).Select(line => line.Function.Name);
}
