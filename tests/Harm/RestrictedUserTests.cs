using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>
/// Targets of another user, and such limits as count all that a user's processes have: what another test holds would tell
/// here. They are sampled, or the reason why not is said in a line; either way they go on.
/// </summary>
[Collection(RealProgramsCollection.Name)]
public sealed class RestrictedUserTests : IDisposable
{
    private const UnixFileMode Everybody = (UnixFileMode)0b111_111_111;

    private readonly Collector collector = new();
    private readonly CProgram restrict = new("restrict");

    public void Dispose()
    {
        collector.Dispose();
        restrict.Dispose();
    }

    [Theory]
    [InlineData("perf", "-u", RestrictedTarget.Nobody, "-l", "memlock=0")]
    [InlineData("auto", "-u", RestrictedTarget.Nobody)]
    [InlineData("auto", "-l", "sigpending=4")]
    public void IsSampled(string engine, params string[] restrictions)
    {
        using var target = new RestrictedTarget(engine, restrict, restrictions);
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000", "--engine", engine);
        Assert.True(profile.CpuNanosUnder("Program.Mix(") > 0);
        target.Finish();
    }

    [Fact]
    public void ThreadsWithoutATimerAreCounted()
    {
        using var target = new RestrictedTarget("auto", restrict, "-u", RestrictedTarget.Nobody, "-l", "sigpending=4");
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "-r", "1000", "--engine", "timer");
        Assert.Contains(profile.Comments, comment => comment.Contains("threads that got no timer", StringComparison.Ordinal));
        target.Finish();
    }

    [Fact]
    public void IsLeftAloneWithTheReasonWhereThereIsNoRoomForATimer()
    {
        using var target = new RestrictedTarget("auto", restrict, "-u", RestrictedTarget.Nobody, "-l", "sigpending=0");
        (int exitCode, _, string errors) = collector.Run("collect", "-p", $"{target.Pid}", "-d", "1", "--engine", "timer");
        Assert.Equal(1, exitCode);
        Assert.Contains("timers may be refused or RLIMIT_SIGPENDING used up", errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n'));
        target.Finish();
    }

    /// <summary>Neither side is root: most of what users meet is this.</summary>
    [Theory]
    [InlineData("timer")]
    [InlineData("perf")]
    public void CollectorOfTheSameUser(string engine)
    {
        using var target = new RestrictedTarget(engine, restrict, "-u", RestrictedTarget.Nobody);
        string folder = Directory.CreateDirectory(Path.Combine(restrict.Folder, "profiles")).FullName;
        File.SetUnixFileMode(folder, Everybody);
        string path = Path.Combine(folder, "profile.pb.gz");
        using var collecting = new ChildProcess(
            restrict.Path,
            ["-u", RestrictedTarget.Nobody, ProgramPaths.Dotnet, ProgramPaths.Collector, "collect", "-p", $"{target.Pid}", "-d", "1", "-r", "1000", "-o", path, "--engine", engine]);
        Assert.True(collecting.WaitForExit() == 0, collecting.Errors);
        Assert.True(PprofFile.Read(path).CpuNanosUnder("Program.Mix(") > 0);
        target.Finish();
    }
}
