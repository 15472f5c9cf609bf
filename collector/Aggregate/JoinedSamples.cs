using System.Collections;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>Lists of samples one after another, as one list.</summary>
internal sealed class JoinedSamples(IReadOnlyList<IReadOnlyList<ProfileSample>> lists) : IReadOnlyList<ProfileSample>
{
    public int Count => lists.Sum(list => list.Count);

    public ProfileSample this[int index]
    {
        get
        {
            int list = 0;
            while (index >= lists[list].Count)
                index -= lists[list++].Count;
            return lists[list][index];
        }
    }

    public IEnumerator<ProfileSample> GetEnumerator() => lists.SelectMany(list => list).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
