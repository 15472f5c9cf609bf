using System.Text.RegularExpressions;
using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>However a process ends, it says the same and exits the same as without us.</summary>
public sealed partial class EndsParityTests
{
    /* Many more by hand. */
    private static readonly int s_repetitions = int.TryParse(Environment.GetEnvironmentVariable("HARM_REPETITIONS"), out int set) ? set : 1;
    private const int HighestRate = 1_000_000; /* as far as the machine allows */

    private sealed record Ending(int Code, string Output, string Error);

    [Theory]
    [InlineData("return")]
    [InlineData("exit")]
    [InlineData("unhandled")]
    [InlineData("failfast")]
    [InlineData("overflow")]
    [InlineData("overflow-thread")]
    [InlineData("crash")]
    [InlineData("abort")]
    [InlineData("SIGTERM")]
    [InlineData("SIGTERM-handled")]
    [InlineData("SIGKILL")]
    public void EndsAsWithoutTheAgent(string how)
    {
        Ending expected = WithoutAgent(how);
        Assert.Equal(expected, Asleep(how));
        for (int i = 0; i < s_repetitions; i++)
        {
            Assert.Equal(expected, Sampled(how, Engines.Timer, 250));
            Assert.Equal(expected, Sampled(how, Engines.Timer, HighestRate));
            if (Engines.PerfIsPermitted)
                Assert.Equal(expected, Sampled(how, Engines.Perf, HighestRate));
        }
    }

    private static Ending WithoutAgent(string how)
    {
        using Child child = Targets.Start("Ends", how);
        return End(child);
    }

    private static Ending Asleep(string how)
    {
        using Child child = Targets.StartWithAgent("Ends", how);
        Assert.Equal(AgentPresence.Asleep, new RegionAgentProbe().Probe(child.Pid));
        return End(child);
    }

    private static Ending Sampled(string how, string engine, int rate)
    {
        using Child child = Targets.StartWithAgent("Ends", how);
        using ICapture capture = Targets.Attach(child, engine, rate);
        Ending ending = End(child);
        Assert.True(capture.Ended.Wait(Child.HangBound), "the capture did not see its target end");
        Assert.Equal(CaptureEnd.TargetExited, capture.Ended.Result);
        capture.Finish();
        return ending;
    }

    private static Ending End(Child child)
    {
        child.Send("go");
        int code = child.WaitForExit();
        return new Ending(code, Normalize(child.Output), Normalize(child.Error));
    }

    /* How deep a stack got before it overflowed differs from run to run, also without us. */
    private static string Normalize(string text) => RepeatCount().Replace(text, "Repeat N times");

    [GeneratedRegex(@"Repeat(ed)? \d+ times")]
    private static partial Regex RepeatCount();
}
