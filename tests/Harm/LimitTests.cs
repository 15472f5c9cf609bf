using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>A target that has run out of something goes on being sampled, or is left alone with the reason said.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class LimitTests
{
    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void TargetWithoutFileDescriptorsIsSampled(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.StartWithAgent("Spin", "2");
        using ICapture capture = Targets.Attach(target, engine, 1000);
        target.Send("files");
        Assert.True(int.Parse(target.ReadLine()) > 0);
        Thread.Sleep(1000);
        long before = capture.Progress.Samples;
        Eventually.True(() => capture.Progress.Samples > before + 100, "samples came when the target's file descriptors had run out");
        Assert.Equal(AgentPresence.Sampling, new RegionAgentProbe().Probe(target.Pid));
        target.Send("free");
        capture.Finish();
        target.Send("stop");
        Assert.Equal(3, target.WaitForExit());
    }
}
