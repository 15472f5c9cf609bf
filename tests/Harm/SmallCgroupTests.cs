using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>A container of half a core and 128 MiB, at the highest rate: it is neither killed for memory nor starved.</summary>
public sealed class SmallCgroupTests : IDisposable
{
    private const string Root = "/sys/fs/cgroup";
    private const string Memory = "134217728";

    private readonly List<string> groups = [];
    private readonly Collector collector = new();

    public SmallCgroupTests()
    {
        string name = $"dotnet-pprof-test-{Environment.ProcessId}";
        try
        {
            if (File.Exists($"{Root}/cgroup.controllers"))
            {
                string group = Create($"{Root}/{name}");
                File.WriteAllText($"{group}/memory.max", Memory);
                File.WriteAllText($"{group}/cpu.max", "50000 100000");
            }
            else
            {
                File.WriteAllText($"{Create($"{Root}/memory/{name}")}/memory.limit_in_bytes", Memory);
                File.WriteAllText($"{Create($"{Root}/cpu/{name}")}/cpu.cfs_quota_us", "50000");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Dispose();
            Assert.Skip($"no cgroup can be made here: {e.Message}");
        }
    }

    [Fact]
    public void TargetInASmallGroupIsSampledAndLivesOn()
    {
        string join = string.Concat(groups.Select(group => $"echo $$ > {group}/cgroup.procs && "));
        using var target = new ChildProcess("/bin/sh", ["-c", $"{join}exec '{ProgramPaths.Dotnet}' '{BuiltFiles.Program("Spin")}' 4"]);
        target.WaitForLine("ready");
        for (int i = 0; i < 2; i++)
            Assert.True(collector.Collect("-p", $"{target.Pid}", "-d", "2", "-r", "1000000").CpuNanosUnder("Program.Mix(") > 0);
        target.Send("stop");
        Assert.Equal(3, target.WaitForExit());
    }

    public void Dispose()
    {
        collector.Dispose();
        foreach (string group in groups)
        {
            /* Not a directory like others: what is in it is the kernel's, and goes with it once its processes have. */
            Eventually.True(() => File.ReadAllText($"{group}/cgroup.procs").Length == 0, "the group is empty");
            Directory.Delete(group, recursive: false);
        }
    }

    private string Create(string group)
    {
        Directory.CreateDirectory(group);
        groups.Add(group);
        return group;
    }
}
