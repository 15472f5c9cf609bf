using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DotnetPprof.Model;

namespace DotnetPprof.Upload.Pyroscope;

/// <summary>
/// Adds up samples by stack and thread name. Pyroscope makes a series of every name, so ids are left out and the names
/// with little CPU time share one.
/// </summary>
internal static class ThreadNameSums
{
    /// <summary>A server takes 5000 series of all services together by default.</summary>
    internal const int MostNames = 16;

    internal const string Others = "other threads";

    public static List<ProfileSample> Of(IReadOnlyList<ProfileSample> samples)
    {
        Dictionary<string, ProfileThread> kept = samples
            .Where(sample => sample.Thread is { Name.Length: > 0 })
            .GroupBy(sample => sample.Thread!.Name, StringComparer.Ordinal)
            .OrderByDescending(thread => thread.Sum(sample => sample.CpuNanos))
            .ThenBy(thread => thread.Key, StringComparer.Ordinal)
            .Take(MostNames)
            .ToDictionary(thread => thread.Key, thread => new ProfileThread(0, PyroscopeLabels.Value(thread.Key)), StringComparer.Ordinal);
        var others = new ProfileThread(0, Others);

        var sums = new List<ProfileSample>();
        var indices = new Dictionary<Key, int>();
        foreach (ProfileSample sample in samples)
        {
            // The server throws samples without any value away.
            if (sample is { Count: 0, CpuNanos: 0 })
                continue;
            ProfileThread? thread = sample.Thread is { Name.Length: > 0 } named ? kept.GetValueOrDefault(named.Name, others) : null;
            ref int index = ref CollectionsMarshal.GetValueRefOrAddDefault(indices, new Key(sample.Stack, thread), out bool known);
            if (known)
            {
                ProfileSample sum = sums[index];
                sums[index] = sum with { Count = sum.Count + sample.Count, CpuNanos = sum.CpuNanos + sample.CpuNanos };
                continue;
            }
            index = sums.Count;
            sums.Add(sample with { Thread = thread, Time = null });
        }
        return sums;
    }

    private readonly struct Key(IReadOnlyList<Location> stack, ProfileThread? thread) : IEquatable<Key>
    {
        private readonly object stack = stack;
        private readonly object? thread = thread;

        public bool Equals(Key other) => ReferenceEquals(stack, other.stack) && ReferenceEquals(thread, other.thread);

        public override bool Equals(object? other) => other is Key key && Equals(key);

        public override int GetHashCode() => HashCode.Combine(RuntimeHelpers.GetHashCode(stack), RuntimeHelpers.GetHashCode(thread));
    }
}
