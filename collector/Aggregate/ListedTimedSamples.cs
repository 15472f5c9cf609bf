using System.Collections;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>Timed samples as a list: what they were made from may change, and any thread may read them.</summary>
internal sealed class ListedTimedSamples(IEnumerable<ProfileSample> samples) : ITimedSamples, IReadOnlyCollection<ProfileSample>
{
    private readonly ProfileSample[] samples = [.. samples];

    public int Count => samples.Length;

    public IEnumerator<ProfileSample> GetEnumerator() => samples.AsEnumerable().GetEnumerator();

    public void Dispose()
    {
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
