using System.Globalization;
using System.Text.Json;
using DotnetPprof.Tests.Harm;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>The engine that auto comes to on a real process, and what is said of it.</summary>
public sealed class EngineTests : IDisposable
{
    private const int PerfEventOpen = 298;
    private const int CloseRange = 436;

    /* As a container's profile would. */
    private const string Sandbox = """
        #include <errno.h>
        #include <linux/filter.h>
        #include <linux/seccomp.h>
        #include <sys/prctl.h>
        __attribute__((constructor)) static void refuse(void)
        {
            struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALL, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ERROR),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
            };
            struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
        }
        """;

    private readonly Collector collector = new();

    public void Dispose() => collector.Dispose();

    [Fact]
    public void AutoHasTheKernelSample()
    {
        Engines.SkipWhereRefused(Engines.Perf);
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-d", "1");
        PprofFile profile = collector.Finish(collecting);
        Assert.StartsWith("engine: perf: ", Comment(profile, "engine: "), StringComparison.Ordinal);
        Assert.Contains("  engine  perf: ", collecting.Output, StringComparison.Ordinal);
        /* What the clocks are like is said all the same. */
        Assert.StartsWith("clock: stopwatch: CLOCK_MONOTONIC, by which the kernel stamps", Comment(profile, "clock: "), StringComparison.Ordinal);
        Assert.Equal(3, profile.Comments.Count(comment => comment.StartsWith("clock not taken: ", StringComparison.Ordinal)));
        Assert.Contains(profile.StackSamples, sample => sample.Has("Burner.Program.Heavy"));
    }

    [Fact]
    public void ClockByNameIsWorthMoreThanTheEngine()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "--clock", "vdso");
        Assert.StartsWith("engine: timer: the kernel would stamp samples with CLOCK_MONOTONIC, and another clock was asked for; ", Comment(profile, "engine: "), StringComparison.Ordinal);
        Assert.StartsWith("clock: vdso: asked for by name", Comment(profile, "clock: "), StringComparison.Ordinal);
        AssertPerfIsAnError(target, "another clock was asked for", "--clock", "vdso");
    }

    [Theory]
    [InlineData(PerfEventOpen, "EPERM", "perf_event_open is refused (")]
    [InlineData(PerfEventOpen, "ENOSYS", "the kernel has no perf events, or seccomp hides them")]
    [InlineData(CloseRange, "ENOSYS", "the perf engine could not start: ")] // later than the probe
    public void WhereTheKernelRefusesAutoTakesTimersAndSaysWhy(int call, string error, string why)
    {
        if (call == CloseRange)
            Engines.SkipWhereRefused(Engines.Perf);
        using var sandbox = new CLibrary(string.Create(CultureInfo.InvariantCulture, $"#define CALL {call}\n#define ERROR {error}\n{Sandbox}"));
        using var target = new TargetProgram("Burner", ["1"], new Dictionary<string, string> { ["LD_PRELOAD"] = sandbox.Path });
        target.WaitForLine("ready");
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-d", "1");
        PprofFile profile = collector.Finish(collecting);
        string engine = Comment(profile, "engine: ");
        Assert.StartsWith("engine: timer: ", engine, StringComparison.Ordinal);
        Assert.Contains(why, engine, StringComparison.Ordinal);
        Assert.EndsWith(" Hz", engine, StringComparison.Ordinal); // said to its end
        Assert.Contains(why, collecting.Output, StringComparison.Ordinal);
        Assert.Contains(profile.StackSamples, sample => sample.Has("Burner.Program.Heavy"));
        AssertPerfIsAnError(target, why);
        /* And is still there for those who do not insist. */
        Assert.NotEmpty(collector.Collect("-p", $"{target.Pid}", "-d", "1", "--engine", "timer").StackSamples);
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void DoctorShowsTheLastCapturesEngine(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        collector.Collect("-p", $"{target.Pid}", "-d", "1", "--engine", engine);
        (_, string output, _) = collector.Run("doctor", "--json", "-p", $"{target.Pid}");
        using var json = JsonDocument.Parse(output);
        Assert.StartsWith(engine + ": ", Finding(json, "process engine").GetProperty("value").GetString(), StringComparison.Ordinal);
        Assert.Equal(Engines.PerfIsPermitted ? "perf" : "timer", Finding(json, "engine").GetProperty("value").GetString());
    }

    private void AssertPerfIsAnError(TargetProgram target, string why, params string[] options)
    {
        (int exitCode, _, string errors) = collector.Run(["collect", "-p", $"{target.Pid}", "-d", "1", "--engine", "perf", .. options]);
        Assert.Equal(1, exitCode);
        Assert.Contains(why, errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n'));
    }

    private static JsonElement Finding(JsonDocument json, string check) =>
        json.RootElement.GetProperty("findings").EnumerateArray().Single(finding => finding.GetProperty("check").GetString() == check);

    private static string Comment(PprofFile profile, string start) => Assert.Single(profile.Comments, comment => comment.StartsWith(start, StringComparison.Ordinal));
}
