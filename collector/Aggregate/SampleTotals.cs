using System.Runtime.InteropServices;

namespace DotnetPprof.Aggregate;

/// <summary>Sums by thread and stack, in order of first appearance.</summary>
internal sealed class SampleTotals
{
    private readonly Dictionary<(int Thread, int Stack), Total> totals = [];

    public IEnumerable<(int Thread, int Stack, long Count, long CpuNanos)> Entries =>
        totals.Select(e => (e.Key.Thread, e.Key.Stack, e.Value.Count, e.Value.CpuNanos));

    public int Count => totals.Count;

    public void Add(int thread, int stack, long count, long cpuNanos)
    {
        ref Total total = ref CollectionsMarshal.GetValueRefOrAddDefault(totals, (thread, stack), out _);
        total = new Total(Saturating.Add(total.Count, count), Saturating.Add(total.CpuNanos, cpuNanos));
    }

    private readonly record struct Total(long Count, long CpuNanos);
}
