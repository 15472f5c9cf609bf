using System.Collections;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>Makes profile samples of sums as they are asked for.</summary>
/// <param name="totals">The sums.</param>
/// <param name="stacks">The stacks of all samples, by index.</param>
/// <param name="threads">The thread of an index; equal indices give the same instance.</param>
internal sealed class SampleSums(SampleTotals totals, IReadOnlyList<Location>[] stacks, Func<int, ProfileThread> threads)
    : IReadOnlyList<ProfileSample>
{
    public int Count => totals.Count;

    public ProfileSample this[int index]
    {
        get
        {
            ref readonly SampleTotal total = ref totals[index];
            return new ProfileSample(StackOf(total.Stack), ThreadOf(total.Thread), total.Count, total.CpuNanos, Time: null);
        }
    }

    public IReadOnlyList<Location> StackOf(int index) => stacks[index];

    public ProfileThread ThreadOf(int index) => threads(index);

    public IEnumerator<ProfileSample> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
