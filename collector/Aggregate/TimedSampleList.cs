using System.Collections;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>Makes profile samples of timed ones as they are asked for: there may be too many to hold them twice.</summary>
internal sealed class TimedSampleList(
    TimedSamples samples, IReadOnlyList<Location>[] stacks, Func<int, ProfileThread> threads, Func<Ticks, UnixNanos> clock,
    IReadOnlyList<ProfileSample> extras) : IReadOnlyList<ProfileSample>
{
    public int Count => samples.Count + extras.Count;

    public ProfileSample this[int index]
    {
        get
        {
            if (index >= samples.Count)
                return extras[index - samples.Count];
            TimedSample sample = samples[index];
            return new ProfileSample(stacks[sample.Stack], threads(sample.Thread), sample.Count, sample.CpuNanos, clock(sample.Time));
        }
    }

    public IEnumerator<ProfileSample> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
