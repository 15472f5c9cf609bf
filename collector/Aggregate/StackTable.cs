using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>A stack within one code generation, and when it was last seen there.</summary>
/// <param name="Stack">Its number in <see cref="StackKeys"/>.</param>
/// <param name="Generation">See <see cref="ICodeGenerations"/>.</param>
/// <param name="LastSeen">The time at which its addresses are to be looked up.</param>
internal readonly record struct StackEntry(int Stack, int Generation, MonotonicNanos LastSeen);

/// <summary>
/// Numbers the different stacks of a capture in order of appearance. The same addresses in two code generations are two
/// stacks.
/// </summary>
internal sealed class StackTable
{
    private readonly Dictionary<(int Stack, int Generation), int> superseded = [];
    private StackEntry[] entries = new StackEntry[128];

    /* By a stack's number: one more than its entry in the generation it was seen in last, which is nearly always the one
       asked for. */
    private int[] latest = new int[128];

    public int Count { get; private set; }

    public StackEntry this[int index] => entries[index];

    public int IndexOf(int stack, int generation, MonotonicNanos seen)
    {
        int index = stack < latest.Length ? latest[stack] - 1 : -1;
        if (index < 0 || entries[index].Generation != generation)
            index = Other(stack, generation, index);
        ref StackEntry entry = ref entries[index];
        if (seen.Value > entry.LastSeen.Value)
            entry = entry with { LastSeen = seen };
        return index;
    }

    /// <param name="known">The entry of another generation, or -1 for a stack never seen.</param>
    private int Other(int stack, int generation, int known)
    {
        if (known >= 0)
        {
            superseded[(stack, entries[known].Generation)] = known;
            if (superseded.TryGetValue((stack, generation), out int before))
            {
                latest[stack] = before + 1;
                return before;
            }
        }
        if (Count == entries.Length)
            Array.Resize(ref entries, Count * 2);
        if (stack >= latest.Length)
            Array.Resize(ref latest, Math.Max(stack + 1, latest.Length * 2));
        entries[Count] = new StackEntry(stack, generation, new MonotonicNanos(long.MinValue));
        latest[stack] = Count + 1;
        return Count++;
    }
}
