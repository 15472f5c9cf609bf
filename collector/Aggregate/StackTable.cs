using System.Runtime.InteropServices;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>A stack within one code generation, and when it was last seen there.</summary>
/// <param name="Stack">Null for samples that were lost.</param>
/// <param name="LastSeen">The time at which its addresses are to be looked up.</param>
internal readonly record struct StackEntry(StackKey? Stack, MonotonicNanos LastSeen);

/// <summary>Numbers the different stacks of a capture. The same addresses in two code generations are two stacks.</summary>
internal sealed class StackTable
{
    private readonly Dictionary<(StackKey? Stack, int Generation), int> indices = [];
    private readonly List<StackEntry> entries = [];

    public int Count => entries.Count;

    public StackEntry this[int index] => entries[index];

    public int IndexOf(StackKey? stack, int generation, MonotonicNanos seen)
    {
        ref int index = ref CollectionsMarshal.GetValueRefOrAddDefault(indices, (stack, generation), out bool known);
        if (!known)
        {
            index = entries.Count;
            entries.Add(new StackEntry(stack, seen));
        }
        else if (seen.CompareTo(entries[index].LastSeen) > 0)
        {
            entries[index] = new StackEntry(stack, seen);
        }
        return index;
    }
}
