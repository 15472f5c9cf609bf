using System.Globalization;
using DotnetPprof.Interop;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Callers of code that keeps no frame pointers, in a program that knows how often each of them calls.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class FrameTruthTests(ITestOutputHelper log)
{
    /* The runtime would replace the loop by an ordinary method after 30 calls. This is the most it can be told to wait for. */
    private static readonly Dictionary<string, string> s_noTier1 = new() { ["DOTNET_TC_CallCountThreshold"] = "7fff" };

    [Theory]
    [InlineData("timer")]
    [InlineData("perf")]
    public void CallersHaveTheirShares(string engine)
    {
        Assert.SkipUnless(engine == "timer" || MachineInterop.TryPerfEvent(excludeKernel: true) == 0, "perf_event_open is refused here");
        string listing = Path.GetTempFileName();
        var environment = new Dictionary<string, string>(s_noTier1) { ["DOTNET_JitStdOutFile"] = listing, ["DOTNET_JitDisasm"] = "Leaf Wrapper Loop" };
        using var target = new TargetProgram("Frames", [], environment);
        target.WaitForLine("ready");
        Thread.Sleep(500);
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "6", "-r", "10000", "--engine", engine);
        target.Finish();

        string[] methods = File.ReadAllText(listing).Split("; Assembly listing for method ");
        File.Delete(listing);
        Assert.Contains(methods, method => method.StartsWith("Frames.Program:Leaf", StringComparison.Ordinal) && method.Contains("; rsp based frame", StringComparison.Ordinal));
        Assert.Contains(methods, method => method.StartsWith("Frames.Program:Wrapper(", StringComparison.Ordinal) && method.Contains("; rsp based frame", StringComparison.Ordinal));
        Assert.Contains(methods, method => method.StartsWith("Frames.Program:Loop(", StringComparison.Ordinal) && method.Contains("OSR", StringComparison.Ordinal));

        foreach (string callee in (string[])["Leaf", "Wrapper", "Loop"])
        {
            string often = $"Frames.Program.{callee}Often", seldom = $"Frames.Program.{callee}Seldom";
            var callers = new CallerShares(profile, $"Frames.Program.{callee}");
            string found = string.Create(CultureInfo.InvariantCulture, $"{callee} by {engine}: {callers.Share(often, seldom):P2} of 75 %, {callers.Missing(often, seldom):P3} missing; {callers}");
            log.WriteLine(found);
            Assert.True(callers.Samples > 1000, found);
            /* Four standard deviations of a share, where a busy machine leaves so few samples that they are more. */
            double chance = 4 * Math.Sqrt(0.75 * 0.25 / callers.Samples);
            Assert.True(Math.Abs(callers.Share(often, seldom) - 0.75) < Math.Max(0.02, chance), found);
            Assert.True(callers.Missing(often, seldom) * callers.Samples <= Math.Max(2.5, 0.001 * callers.Samples), found);
        }
    }
}
