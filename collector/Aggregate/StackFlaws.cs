using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>What is wrong with a capture's stacks, by the frames that say so.</summary>
internal static class StackFlaws
{
    /// <returns>The name of each such frame and the samples it is in, the most frequent first.</returns>
    public static IReadOnlyList<(string Frame, long Samples)> Of(IEnumerable<ProfileSample> samples)
    {
        var names = new Dictionary<Location, string?>(ReferenceEqualityComparer.Instance);
        var counts = new Dictionary<string, long>();
        foreach (ProfileSample sample in samples)
        {
            foreach (Location location in sample.Stack)
            {
                if (!names.TryGetValue(location, out string? name))
                    names.Add(location, name = location.Lines is [{ Function.Name: var given }, ..] && SyntheticFrames.IsFlaw(given) ? given : null);
                if (name is not null)
                    counts[name] = Saturating.Add(counts.GetValueOrDefault(name), sample.Count);
            }
        }
        return [.. counts.OrderByDescending(count => count.Value).ThenBy(count => count.Key, StringComparer.Ordinal).Select(count => (count.Key, count.Value))];
    }
}
