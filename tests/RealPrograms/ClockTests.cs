using System.Text.Json;
using DotnetPprof.Agent.Clock;
using DotnetPprof.Region;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Each clock on a real process: forced, and with probes that are made to fail.</summary>
public sealed class ClockTests : IDisposable
{
    private const string Fail = "DOTNET_PPROF_TEST_FAIL_CLOCKS";
    private readonly Collector collector = new();

    public void Dispose() => collector.Dispose();

    [Theory]
    [InlineData("tsc", ClockKind.Tsc, "auto")]
    [InlineData("runtime", ClockKind.Runtime, "auto")]
    [InlineData("vdso", ClockKind.Vdso, "auto")]
    [InlineData("stopwatch", ClockKind.Stopwatch, "timer")]
    public void ForcedClockIsUsedAndItsTimesAreTheWallClocks(string name, ClockKind kind, string engine)
    {
        Assert.SkipUnless(ClockProbes.Probe(kind).Passed, ClockProbes.Probe(kind).Text);
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        long before = UnixNanos();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "--clock", name, "--engine", engine, "--timestamps");
        long after = UnixNanos();
        Assert.StartsWith($"clock: {name}: asked for by name; passed, ", Clock(profile));
        Assert.Equal(3, NotTaken(profile).Count);
        Assert.DoesNotContain(NotTaken(profile), line => line.StartsWith($"clock not taken: {name}:", StringComparison.Ordinal));
        Assert.InRange(profile.TimeNanos, before, after);
        Assert.InRange(profile.EndNanos, profile.TimeNanos, after);
        Assert.All(profile.StackSamples, sample => Assert.InRange(sample.Label("end_timestamp_ns")!.Number, profile.TimeNanos, profile.EndNanos));
    }

    [Fact]
    public void ClockThatFailsItsProbeIsAnErrorByNameAndPassedOverByAuto()
    {
        using TargetProgram target = Failing("tsc,runtime,vdso");
        foreach (string name in new[] { "tsc", "runtime", "vdso" })
        {
            (int exitCode, _, string errors) = collector.Run("collect", "-p", $"{target.Pid}", "-d", "1", "--clock", name);
            Assert.Equal(1, exitCode);
            Assert.Contains($"the clock {name} was asked for and has failed: {Fail} says so; auto takes one that works", errors);
            Assert.Single(errors.Split('\n'));
        }
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "--engine", "timer");
        Assert.StartsWith("clock: stopwatch: nothing that passed its probes is cheaper by a tenth, ", Clock(profile));
        Assert.Equal(
            ["clock not taken: tsc", "clock not taken: runtime", "clock not taken: vdso"],
            NotTaken(profile).Select(line => line.Replace($": failed: {Fail} says so", "", StringComparison.Ordinal)));
    }

    [Fact]
    public void AutoManagesWithoutTheTimeStampCounter()
    {
        using TargetProgram target = Failing("tsc");
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "--engine", "timer");
        Assert.Matches("^clock: (stopwatch|runtime|vdso): ", Clock(profile));
        Assert.Contains($"clock not taken: tsc: failed: {Fail} says so", profile.Comments);
    }

    [Fact]
    public void ClocksMayChangeFromSessionToSession()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        foreach (string name in new[] { "stopwatch", "auto", "runtime" })
        {
            PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "1", "--clock", name);
            Assert.InRange(profile.DurationNanos, 900_000_000, 60_000_000_000);
            Assert.DoesNotContain(profile.Comments, comment => comment.Contains("note: clock:", StringComparison.Ordinal));
            Assert.InRange(profile.UnsampledShare, 0, 0.5);
        }
    }

    [Fact]
    public void LaunchedProgramHasItsRuntimesClock()
    {
        ChildProcess collecting = collector.StartCollecting("--clock", "runtime", "--", ProgramPaths.Dotnet, ProgramPaths.TestProgram("Burner"), "1");
        collecting.WaitForLine("ready");
        collecting.CloseInput();
        Assert.StartsWith("clock: runtime: asked for by name; passed, ", Clock(collector.Finish(collecting)));
    }

    [Fact]
    public void VariableStandsInForTheOption()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        string[] arguments = [ProgramPaths.Collector, "collect", "-p", $"{target.Pid}", "-d", "1", "-o", collector.ProfilePath];
        using (var collecting = new ChildProcess(ProgramPaths.Dotnet, arguments, environment: Variable("vdso")))
            Assert.StartsWith("clock: vdso: ", Clock(collector.Finish(collecting)));
        using (var collecting = new ChildProcess(ProgramPaths.Dotnet, [.. arguments, "--clock", "stopwatch"], environment: Variable("vdso")))
            Assert.StartsWith("clock: stopwatch: ", Clock(collector.Finish(collecting)));
        using (var collecting = new ChildProcess(ProgramPaths.Dotnet, arguments, environment: Variable("hourglass")))
        {
            Assert.Equal(3, collecting.WaitForExit());
            Assert.Contains("DOTNET_PPROF_CLOCK is 'hourglass', which is not a clock", collecting.Errors);
        }

        static Dictionary<string, string> Variable(string clock) => new() { ["DOTNET_PPROF_CLOCK"] = clock };
    }

    /// <summary>A page of code that was never writable and executable at once; and it stays when sampling is over.</summary>
    [Fact]
    public void ThunksPageInTheTargetIsExecutableAndNeverWritableToo()
    {
        Assert.SkipUnless(ClockProbes.Probe(ClockKind.Tsc).Passed, ClockProbes.Probe(ClockKind.Tsc).Text);
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        var before = CodePages(target.Pid);
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "--clock", "tsc");
        collecting.WaitForLine("Sampling");
        string page = Assert.Single(CodePages(target.Pid).Except(before));
        Assert.DoesNotContain(File.ReadLines($"/proc/{target.Pid}/maps"), line => line.Contains(" rwx", StringComparison.Ordinal));
        collecting.Signal(2);
        collector.Finish(collecting);
        Assert.Contains(page, CodePages(target.Pid));
    }

    [Fact]
    public void DoctorShowsTheLastCapturesClock()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        collector.Collect("-p", $"{target.Pid}", "-d", "1", "--clock", "stopwatch");
        (_, string output, _) = collector.Run("doctor", "--json", "-p", $"{target.Pid}");
        using var json = JsonDocument.Parse(output);
        JsonElement clock = json.RootElement.GetProperty("findings").EnumerateArray().Single(finding => finding.GetProperty("check").GetString() == "clock");
        Assert.StartsWith("stopwatch: asked for by name; ", clock.GetProperty("value").GetString());
        Assert.Matches("^of the last capture; tsc: .*; runtime: .*; vdso: ", clock.GetProperty("meaning").GetString());
    }

    private static TargetProgram Failing(string clocks)
    {
        var target = new TargetProgram("Burner", ["1"], new Dictionary<string, string> { [Fail] = clocks });
        target.WaitForLine("ready");
        return target;
    }

    /// <summary>Mappings of one page without a file, readable and executable.</summary>
    private static HashSet<string> CodePages(int pid) =>
        [.. File.ReadLines($"/proc/{pid}/maps").Where(line => line.TrimEnd().EndsWith(" r-xp 00000000 00:00 0", StringComparison.Ordinal))];

    private static string Clock(PprofFile profile) => Assert.Single(profile.Comments, comment => comment.StartsWith("clock: ", StringComparison.Ordinal));

    private static List<string> NotTaken(PprofFile profile) =>
        [.. profile.Comments.Where(comment => comment.StartsWith("clock not taken: ", StringComparison.Ordinal))];

    private static long UnixNanos() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
}
