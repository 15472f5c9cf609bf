using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Without a collector the agent costs nothing.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class AsleepTests
{
    [Fact]
    public void AgentWithoutACollectorDoesNothing()
    {
        using Child target = Targets.StartWithAgent("Spin", "2");
        using MappedRegion region = MappedRegion.Find(target.Pid)!;
        /* Its own start takes it a while. */
        Eventually.True(() => TicksIn(target, TimeSpan.FromSeconds(1)) == 0, "the agent's start was over");
        Assert.InRange(TicksIn(target, TimeSpan.FromSeconds(2)), 0, 2);
        Assert.InRange(ProcessState.TimersOf(target.Pid), -1, 0);
        Assert.Equal(AgentPresence.Asleep, new RegionAgentProbe().Probe(target.Pid));
        Assert.Equal(0ul, region.View.Control.Session);
        Assert.Equal(0ul, region.View.Counter(Region.Counter.Samples));
    }

    private static long TicksIn(Child target, TimeSpan time)
    {
        long before = ProcessState.CpuTicks(target.Pid, "dotnet-pprof");
        Thread.Sleep(time);
        return ProcessState.CpuTicks(target.Pid, "dotnet-pprof") - before;
    }
}
