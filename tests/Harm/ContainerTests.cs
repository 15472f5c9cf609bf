using DotnetPprof.Interop;
using DotnetPprof.Session;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Targets with file systems and process ids of their own, as containers have them; made with unshare(1).</summary>
public sealed class ContainerTests : IDisposable
{
    private const string Nobody = "65534";
    private const int SigKill = 9;

    private readonly Collector collector = new();

    public ContainerTests()
    {
        using var attempt = new ChildProcess("unshare", ["--mount", "--pid", "--fork", "--mount-proc", "true"]);
        Assert.SkipUnless(attempt.WaitForExit() == 0, "unshare needs root and a permitting sandbox");
    }

    public void Dispose() => collector.Dispose();

    /// <summary>The agent's file is not there, and /tmp is another: a copy is put there, and taken away again.</summary>
    [Theory]
    [InlineData("")]
    [InlineData($"setpriv --reuid={Nobody} --regid={Nobody} --clear-groups")]
    public void CollectorOutside(string asUser)
    {
        using var container = new Container($"mount -t tmpfs hide '{Path.GetDirectoryName(BuiltFiles.Agent)}'", asUser);
        PprofFile profile = collector.Collect("-p", $"{container.Target}", "-d", "1", "-r", "1000");
        Assert.True(profile.CpuNanosUnder("Program.Mix(") > 0);
        Assert.Empty(Directory.GetFileSystemEntries($"/proc/{container.Target}/root/tmp", "dotnet-pprof*"));

        /* The agent stays, and needs no file any more. */
        Assert.True(collector.Collect("-p", $"{container.Target}", "-d", "1").CpuNanosUnder("Program.Mix(") > 0);
        container.Finish();
    }

    [Fact]
    public void CollectorInside()
    {
        using var container = new Container("true", "");
        using var collecting = new ChildProcess(
            "nsenter",
            ["--target", $"{container.Target}", "--mount", "--pid", ProgramPaths.Dotnet, ProgramPaths.Collector, "collect", "-p", "1", "-d", "1", "-o", "/tmp/profile.pb.gz"]);
        Assert.True(collecting.WaitForExit() == 0, collecting.Errors);
        PprofFile profile = PprofFile.Read($"/proc/{container.Target}/root/tmp/profile.pb.gz");
        Assert.True(profile.CpuNanosUnder("Program.Mix(") > 0);
        container.Finish();
    }

    /// <summary>No diagnostic port can be put anywhere, so the agent has to be there from the start, and names are missing.</summary>
    [Fact]
    public void ReadOnlyFileSystem()
    {
        using var container = new Container("mount -o remount,bind,ro /tmp && mount -t tmpfs -o ro none /dev/shm", "", isPrivateTmp: false);
        PprofFile profile = collector.Collect("-p", $"{container.Target}", "-d", "1", "-r", "1000");
        Assert.NotEmpty(profile.StackSamples);
        container.Finish();
    }

    [Fact]
    public void NoSharedMemoryDirectory()
    {
        using var container = new Container("umount -l /dev/shm", "");
        Assert.True(collector.Collect("-p", $"{container.Target}", "-d", "1", "-r", "1000").CpuNanosUnder("Program.Mix(") > 0);
        container.Finish();
    }

    /// <summary>A link in a target's file system must not lead the collector, often root, to its own files.</summary>
    [Fact]
    public void LinksInATargetDoNotLeadOutOfIt()
    {
        using var impostor = new CProgram("impostor", "-static");
        string root = Directory.CreateDirectory(Path.Combine(impostor.Folder, "root")).FullName;
        string outside = Directory.CreateDirectory(Path.Combine(impostor.Folder, "outside")).FullName;
        Directory.CreateDirectory(root + outside);
        File.Copy(impostor.Path, Path.Combine(root, "impostor"));
        File.CreateSymbolicLink(Path.Combine(root, "place"), outside);
        using var target = new ChildProcess("chroot", [root, "/impostor"]);
        target.WaitForLine("ready");
        using (SafeFileHandle? folder = TargetFiles.OpenDirectory(target.Pid, "/place"))
        using (SafeFileHandle? made = TargetFiles.CreateDirectory(folder!, "made"))
            Assert.NotNull(made);
        Assert.Empty(Directory.GetFileSystemEntries(outside));
        Assert.True(Directory.Exists($"{root}{outside}/made"));
    }

    /// <summary>A busy program behind namespaces of its own; with the agent from the start where it could not be attached.</summary>
    private sealed class Container : IDisposable
    {
        private readonly ChildProcess outer;

        internal Container(string setUp, string asUser, bool isPrivateTmp = true)
        {
            string tmp = isPrivateTmp ? "mount -t tmpfs -o mode=1777 tmp /tmp" : "mount --bind /tmp /tmp";
            Dictionary<string, string> variables = isPrivateTmp ? [] : Targets.AgentVariables.ToDictionary(variable => variable.Name, variable => variable.Value);
            outer = new ChildProcess(
                "unshare",
                ["--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", $"{tmp} && {setUp} && exec {asUser} '{ProgramPaths.Dotnet}' '{BuiltFiles.Program("Spin")}' 2"],
                environment: variables);
            outer.WaitForLine("ready");
            Target = int.Parse(File.ReadAllText($"/proc/{outer.Pid}/task/{outer.Pid}/children").Split(' ')[0]);
        }

        /// <summary>As seen from outside.</summary>
        internal int Target { get; }

        internal void Finish()
        {
            outer.Send("stop");
            Assert.Equal(3, outer.WaitForExit());
        }

        public void Dispose()
        {
            /* The first process of a pid namespace takes all others with it. */
            if (!outer.HasExited)
                ProcessInterop.Kill(Target, SigKill);
            outer.Dispose();
        }
    }
}
