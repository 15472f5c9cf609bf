using DotnetPprof.Agent.Clock;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>Chooses the clock of each session, hands it to the signal handler, and publishes why it is that one.</summary>
/// <param name="region">Where the verdicts go.</param>
/// <param name="failing">Bits (1 &lt;&lt; ClockKind) of clocks that are to fail, for tests.</param>
internal sealed unsafe class SessionClock(SharedRegion region, uint failing)
{
    /// <summary>The running session's; nothing before the first.</summary>
    internal RawClock Clock { get; private set; }

    /// <summary>All slots are quiet.</summary>
    /// <returns>Why there is no such clock, or null.</returns>
    internal string? Choose(ClockKind wanted)
    {
        var selection = ClockSelection.Choose(wanted, Probe());
        WriteVerdict(ClockKind.Auto, selection.Reason);
        if (selection.Failure is null)
            Take(selection.Clock);
        return selection.Failure;
    }

    /// <summary>
    /// CLOCK_MONOTONIC, which the kernel stamps the perf engine's samples with. The others are probed all the same: what
    /// they are like here is for whoever wonders which clock timers would have. All slots are quiet.
    /// </summary>
    internal void ChooseKernels(ClockKind wanted)
    {
        Probe();
        string asked = wanted == ClockKind.Stopwatch ? "asked for by name; " : "";
        WriteVerdict(ClockKind.Auto, $"stopwatch: {asked}CLOCK_MONOTONIC, by which the kernel stamps the perf engine's samples");
        Take(new RawClock(ClockKind.Stopwatch, ClockNative.Pointer((uint)ClockKind.Stopwatch)));
    }

    private ClockVerdict[] Probe()
    {
        ReadOnlySpan<ClockKind> kinds = ClockProbes.Kinds;
        var verdicts = new ClockVerdict[kinds.Length];
        for (int i = 0; i < kinds.Length; i++)
        {
            verdicts[i] = (failing & (1u << (int)kinds[i])) != 0
                ? ClockVerdict.Fail(kinds[i], "DOTNET_PPROF_TEST_FAIL_CLOCKS says so")
                : ClockProbes.Probe(kinds[i]);
            WriteVerdict(kinds[i], verdicts[i].Text);
        }
        return verdicts;
    }

    private void Take(RawClock clock)
    {
        Clock = clock;
        region.Control->ClockKind = (uint)clock.Kind;
        HotPath.SetClock(clock.Pointer);
    }

    private void WriteVerdict(ClockKind kind, string text) =>
        SharedRegion.WriteText(region.Control->ClockVerdicts + ((int)kind * (int)RegionLayout.VerdictBytes), (int)RegionLayout.VerdictBytes, text);
}
