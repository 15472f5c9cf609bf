namespace DotnetPprof.Aggregate;

/// <param name="Thread">Index of the thread within the capture.</param>
/// <param name="Stack">Index of the stack in the <see cref="StackTable"/>.</param>
/// <param name="Count">Stack samples.</param>
/// <param name="CpuNanos">Their CPU time.</param>
internal readonly record struct SampleTotal(int Thread, int Stack, long Count, long CpuNanos);

/// <summary>Sums by thread and stack, in order of first appearance.</summary>
internal sealed class SampleTotals
{
    private readonly HashIndex index = new();
    private SampleTotal[] totals = new SampleTotal[128];

    public int Count { get; private set; }

    public ref readonly SampleTotal this[int index] => ref totals.AsSpan(0, Count)[index];

    public void Add(int thread, int stack, long count, long cpuNanos)
    {
        uint hash = HashIndex.Hash((ulong)(uint)thread << 32 | (uint)stack);
        HashIndex.Search search = index.Find(hash);
        for (int at; (at = search.Next()) >= 0;)
        {
            ref SampleTotal total = ref totals[at];
            if (total.Stack != stack || total.Thread != thread)
                continue;
            total = new SampleTotal(thread, stack, Saturating.Add(total.Count, count), Saturating.Add(total.CpuNanos, cpuNanos));
            return;
        }
        if (Count == totals.Length)
            Array.Resize(ref totals, Count * 2);
        totals[Count] = new SampleTotal(thread, stack, count, cpuNanos);
        index.Add(hash, Count++);
    }
}
