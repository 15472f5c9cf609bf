using System.Collections;
using DotnetPprof.Clock;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>Makes profile samples of timed ones as they are asked for; behind them come those that have no time.</summary>
internal sealed class TimedProfileSamples(TimedSamples samples, TickMap clock, SampleSums untimed) : ITimedSamples
{
    public IEnumerator<ProfileSample> GetEnumerator()
    {
        foreach (NumberedSample sample in samples.Read(0))
        {
            yield return new ProfileSample(
                untimed.StackOf(sample.Stack), untimed.ThreadOf(sample.Thread), sample.Count, sample.CpuNanos, clock.ToUnix(sample.Time));
        }
        foreach (ProfileSample sample in untimed)
            yield return sample;
    }

    public void Dispose() => samples.Dispose();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
