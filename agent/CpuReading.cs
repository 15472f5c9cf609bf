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
/// <param name="AgentCpuNs">CPU time of the agent's thread.</param>
internal readonly record struct CpuReading(ulong Ticks, ulong ProcessCpuNs, ulong AgentCpuNs)
{
    private const int Attempts = 10;
    private const long TightNs = 50_000;
    private const long TightPerThreadNs = 2_000;

    /// <summary>Tries again when this thread lost the CPU while it read.</summary>
    internal static CpuReading Take(RawClock clock, IEnumerable<SampledThread> threads)
    {
        for (int attempt = 1; ; attempt++)
        {
            long begun = Libc.Now(Libc.ClockMonotonic);
            var reading = new CpuReading(clock.Read(), (ulong)Libc.Now(Libc.ClockProcessCpu), (ulong)Libc.Now(Libc.ClockThreadCpu));
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
}
