using DotnetPprof.Interop;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>What takes the samples, for tests that go through each.</summary>
public static class Engines
{
    internal const string Timer = "timer";
    internal const string Perf = "perf";

    public static TheoryData<string> All => [Timer, Perf];

    /// <summary>Whether this user may have the kernel sample its own processes.</summary>
    internal static bool PerfIsPermitted => MachineInterop.TryPerfEvent(excludeKernel: true) == 0;

    internal static void SkipWhereRefused(string engine) =>
        Assert.SkipUnless(engine != Perf || PerfIsPermitted, "perf_event_open is refused here");
}
