using System.ComponentModel;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Go's pprof opens a captured profile.</summary>
public sealed class GoPprofTests
{
    [Fact]
    public void TopNamesTheHottestFunction()
    {
        if (!HasGo())
            Assert.Skip("go is not on PATH");
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        using var collector = new Collector();
        collector.Collect("-p", $"{target.Pid}", "-d", "1");
        var environment = new Dictionary<string, string> { ["PPROF_TMPDIR"] = collector.Directory };
        using var pprof = new ChildProcess("go", ["tool", "pprof", "-top", collector.ProfilePath], collector.Directory, environment);
        Assert.Equal(0, pprof.WaitForExit());
        string[] lines = pprof.Output.Split('\n');
        Assert.Contains("Type: cpu", lines);
        int header = Array.FindIndex(lines, line => line.TrimStart().StartsWith("flat ", StringComparison.Ordinal));
        Assert.Contains("Burner.Program.Heavy", lines[header + 1]);
    }

    private static bool HasGo()
    {
        try
        {
            using var go = new ChildProcess("go", ["version"]);
            return go.WaitForExit() == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
