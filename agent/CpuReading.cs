using DotnetPprof.Agent.Clock;
using DotnetPprof.Agent.Interop;

namespace DotnetPprof.Agent;

/// <summary>
/// The sampling clock and the CPU clocks of the process, this thread, and each sampled thread (in
/// <see cref="SampledThread.CpuMark"/>), all at one moment: what a thread uses between two of these readings would seem
/// unsampled, or not to be in the capture.
/// </summary>
/// <param name="Ticks">When it was.</param>
/// <param name="ProcessCpuNs">CPU time of the process.</param>
/// <param name="AgentCpuNs">CPU time of the agent's threads.</param>
internal readonly record struct CpuReading(ulong Ticks, ulong ProcessCpuNs, ulong AgentCpuNs)
{
    private const int Attempts = 10;
    private const long TightNs = 50_000;
    private const long TightPerThreadNs = 2_000;

    /// <summary>Tries again when this thread lost the CPU while it read.</summary>
    /// <param name="clock">The session's.</param>
    /// <param name="pump">The perf engine's thread, or 0.</param>
    /// <param name="threads">All threads to be marked.</param>
    internal static CpuReading Take(RawClock clock, uint pump, IEnumerable<SampledThread> threads)
    {
        for (int attempt = 1; ; attempt++)
        {
            long begun = Libc.Now(Libc.ClockMonotonic);
            var reading = new CpuReading(clock.Read(), (ulong)Libc.Now(Libc.ClockProcessCpu), AgentCpu(pump));
            int count = 0;
            foreach (SampledThread thread in threads)
            {
                thread.CpuMark = HotPath.ThreadCpuNs(thread.Tid);
                count++;
            }
            if (attempt == Attempts || Libc.Now(Libc.ClockMonotonic) - begun < TightNs + (TightPerThreadNs * count))
                return reading;
        }
    }

    /// <summary>CPU time of the agent's threads in nanoseconds: the calling one and the pump, if there is one.</summary>
    internal static ulong AgentCpu(uint pump) =>
        (ulong)Libc.Now(Libc.ClockThreadCpu) + (pump == 0 ? 0 : (ulong)Math.Max(HotPath.ThreadCpuNs(pump), 0));
}
