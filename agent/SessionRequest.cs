using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>What a collector asks of a session.</summary>
/// <param name="RateHz">Samples a second of a busy thread's CPU time.</param>
/// <param name="MaxOverheadPpm">Of a sampled thread's CPU time that sampling may take while it goes on, in millionths; 0 for no limit.</param>
/// <param name="BurstNs">Length of a burst of sampling; 0: sample all the time.</param>
/// <param name="BurstPeriodNs">One burst in each such stretch of time.</param>
/// <param name="BufferMegabytes">What all rings together may take.</param>
/// <param name="Engine">Auto leaves it to the agent.</param>
/// <param name="Clock">Auto leaves it to the agent.</param>
internal readonly record struct SessionRequest(uint RateHz, uint MaxOverheadPpm, uint BufferMegabytes, long BurstNs, long BurstPeriodNs, EngineKind Engine, ClockKind Clock)
{
    private const ulong Million = 1_000_000;

    /// <param name="control">Where the collector has written it.</param>
    internal static SessionRequest Of(in RegionControl control)
    {
        long burst = control.WantBurstUs * 1000L;
        long period = control.WantBurstPeriodUs * 1000L;
        if (burst >= period)
            burst = period = 0;
        ulong overhead = control.WantMaxOverheadPpm;
        /* The limit is on the average; what is not sampled costs nothing. */
        if (burst != 0)
            overhead = Math.Min(overhead * (ulong)period / (ulong)burst, Million);
        return new(control.WantRateHz, (uint)overhead, control.WantBufferMb, burst, period, (EngineKind)control.WantEngine, (ClockKind)control.WantClock);
    }
}
