using DotnetPprof.Commands;
using DotnetPprof.Session;
using Spectre.Console.Testing;
using Xunit;

namespace DotnetPprof.Tests.Commands;

public class CaptureViewTests
{
    [Fact]
    public void TheLiveLineHoldsTimeSamplesRateAndLosses() =>
        Assert.Equal("01:02:03  12,345 samples  1,000/s  7 lost", CaptureView.Line(new CaptureProgress(new TimeSpan(1, 2, 3), 12_345, 7, 999.6)));

    [Fact]
    public void TheSummaryLeavesNothingOut()
    {
        var text = new StringWriter();
        new CaptureView(Consoles.Create(text, isRedirected: true)).Summarize("my profile.pb.gz", FakeCapture.Summary, FakeProfiles.Rows);
        string shown = text.ToString();
        Assert.Contains("Wrote my profile.pb.gz: 1,250 samples, 5.00 s of CPU time in 5.0 s", shown);
        Assert.Contains("1,000 Hz asked, 500 Hz armed: twice a sample's cost", shown);
        Assert.Contains("timer: perf is not permitted", shown);
        Assert.Contains("3 ring full", shown);
        Assert.Contains("0.02 s of CPU time", shown);
        Assert.Contains("warning: a warning of two lines", shown);
        Assert.Matches(@"2\.00 s +40\.0% +3\.00 s +60\.0% +Shop\.Orders\.Total\n", shown);
        Assert.Contains("go tool pprof -http=: 'my profile.pb.gz'", shown);
        Assert.DoesNotContain('\u001b', shown);
    }

    /// <summary>Delivered where 1000 are armed.</summary>
    [Theory]
    [InlineData(10_000, 960, true)]
    [InlineData(10_000, 980, false)]
    [InlineData(400, 400, true)]
    [InlineData(100, 960, false)]
    public void ShortfallIsSaidWhereItIsNoChance(long samples, double delivered, bool said)
    {
        var text = new StringWriter();
        new CaptureView(Consoles.Create(text, isRedirected: true)).Summarize(
            "p", FakeCapture.Summary with { Samples = samples, RateArmedHz = 1000, RateDeliveredHz = delivered }, []);
        Assert.Equal(said, text.ToString().Contains("samples per second of CPU time came", StringComparison.Ordinal));
    }

    [Fact]
    public void TheSummaryListsAllParts()
    {
        var text = new StringWriter();
        new CaptureView(Consoles.Create(text, isRedirected: true)).SummarizeBriefly("a.pb.gz", FakeCapture.Summary, ["a.pb.gz", "a.2.pb.gz", "a.3.pb.gz"]);
        Assert.Contains("3, each a profile of its own stretch of time", text.ToString());
        Assert.Contains("a.2.pb.gz", text.ToString());
        Assert.Contains("a.3.pb.gz", text.ToString());
    }

    [Theory]
    [InlineData("A.B.C(System.Int32)", "A.B.C")]
    [InlineData("A.<>c.<M>b__0()", "A.<>c.<M>b__0")]
    [InlineData("A.M(System.Func<(int, int)>)", "A.M")]
    [InlineData("libc.so.6!+0x10", "libc.so.6!+0x10")]
    [InlineData("(anonymous)", "(anonymous)")]
    [InlineData("f(a) const", "f(a) const")]
    public void ArgumentsAreCut(string name, string expected) => Assert.Equal(expected, CaptureView.WithoutArguments(name));

    [Fact]
    public void FollowingOnlyWaitsInAPipe()
    {
        var text = new StringWriter();
        var view = new CaptureView(Consoles.Create(text, isRedirected: true));
        view.Follow(Task.Delay(10), () => new CaptureProgress(TimeSpan.Zero, 1, 2, 3));
        Assert.Equal("", text.ToString());
    }

    [Fact]
    public void FollowingRedrawsOneLineOnATerminal()
    {
        var console = new TestConsole().EmitAnsiSequences().Interactive();
        new CaptureView(console).Follow(Task.Delay(10), () => new CaptureProgress(TimeSpan.Zero, 41, 0, 3));
        Assert.Contains("41 samples", console.Output);
    }
}
