using DotnetPprof.Model;
using DotnetPprof.Session;
using DotnetPprof.Tests.Commands;
using Xunit;

namespace DotnetPprof.Tests.Session;

public class SelectionTests
{
    private static DotnetProcess Process(int pid, string name, params string[] commandLine) => new(pid, name, "10.0.0", AgentPresence.Absent, commandLine);

    private static readonly DotnetProcess[] s_processes =
    [
        Process(10, "Shop.Web", "dotnet", "/srv/Shop.Web.dll"),
        Process(11, "worker", "/srv/worker"),
        Process(12, "worker", "/opt/worker", "--fast"),
    ];

    [Theory]
    [InlineData("Shop.Web")]
    [InlineData("Shop.Web.dll")]
    [InlineData("dotnet")]
    public void OneMatchIsTaken(string name) => Assert.Equal(10, TargetSelection.ByName(name, s_processes));

    [Fact]
    public void SeveralMatchesAreListed()
    {
        var error = Assert.Throws<UserError>(() => TargetSelection.ByName("worker", s_processes));
        Assert.Equal(ExitCode.Argument, error.Code);
        Assert.Contains("11 worker, 12 worker", error.Message);
    }

    [Fact]
    public void NoMatchListsWhatThereIs()
    {
        var error = Assert.Throws<UserError>(() => TargetSelection.ByName("shop", s_processes));
        Assert.Contains("10 Shop.Web, 11 worker, 12 worker", error.Message);
    }

    [Fact]
    public void WeAreNeverOurOwnTarget()
    {
        Assert.Contains("itself", Assert.Throws<UserError>(() => TargetSelection.CheckCanBeProfiled(Environment.ProcessId)).Message);
        Assert.DoesNotContain(new ProcessDiscovery(new RegionAgentProbe()).List(), process => process.Pid == Environment.ProcessId);
    }

    [Fact]
    public void ARunningProcessIsFoundByName()
    {
        using var workload = BuiltProgram.StartWorkload();
        var mine = new ProcessDiscovery(new RegionAgentProbe()).List().Where(process => process.Pid == workload.Pid).ToList();
        Assert.Equal(workload.Pid, TargetSelection.ByName("DemoWorkload", mine));
        Assert.Equal(AgentPresence.Absent, mine[0].Agent);
        TargetSelection.CheckCanBeProfiled(workload.Pid);
    }

    [Fact]
    public void AStoppedProcessDoesNotHangTheList()
    {
        using var workload = BuiltProgram.StartWorkload();
        const int sigStop = 19, sigCont = 18;
        Interop.ProcessInterop.Kill(workload.Pid, sigStop);
        try
        {
            var process = new ProcessDiscovery(new RegionAgentProbe()).List().Single(process => process.Pid == workload.Pid);
            Assert.Null(process.RuntimeVersion);
            Assert.Equal("DemoWorkload", process.Name);
        }
        finally
        {
            Interop.ProcessInterop.Kill(workload.Pid, sigCont);
        }
    }
}
