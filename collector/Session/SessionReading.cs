using DotnetPprof.Clock;
using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Session;

/// <summary>The process's CPU clocks and the agent's counters at one moment of a run.</summary>
/// <param name="Time">When they were read, in the target.</param>
/// <param name="ProcessNanos">CPU time of the process since its own start.</param>
/// <param name="AgentNanos">The agent's threads' share of it.</param>
/// <param name="NotPermittedNanos">CPU time in the kernel of which samples are not permitted, since the run's start.</param>
/// <param name="Counters">By <see cref="Counter"/>, since the run's start. Not changed any more.</param>
/// <param name="Corrupt">Rings and stacks in the agent's memory that were damaged, since the run's start.</param>
internal sealed record SessionReading(
    MonotonicNanos Time, long ProcessNanos, long AgentNanos, long NotPermittedNanos, ulong[] Counters, long Corrupt)
{
    public long Counter(Counter counter) => (long)Math.Min(Counters[(int)counter], long.MaxValue);

    /// <summary>
    /// The reading at a moment between two, or the nearer of them: CPU time in proportion, for the clocks go on steadily over a few
    /// milliseconds; counters as they were found afterwards.
    /// </summary>
    public static SessionReading At(MonotonicNanos time, SessionReading before, SessionReading after)
    {
        if (time.Value <= before.Time.Value || after.Time.Value <= before.Time.Value)
            return before;
        if (time.Value >= after.Time.Value)
            return after;
        long passed = time.Value - before.Time.Value;
        long all = after.Time.Value - before.Time.Value;
        return after with
        {
            Time = time,
            ProcessNanos = Between(before.ProcessNanos, after.ProcessNanos),
            AgentNanos = Between(before.AgentNanos, after.AgentNanos),
            NotPermittedNanos = Between(before.NotPermittedNanos, after.NotPermittedNanos),
        };

        long Between(long from, long to) => from + Scale.Floor(Math.Max(0, to - from), passed, all);
    }
}
