using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>Numbers the different stacks as the agent names them, from 0 in order of appearance.</summary>
internal sealed class StackKeys
{
    /// <summary>The number of samples that have no stack because they were lost.</summary>
    public const int Lost = 0;

    /// <summary>The number of <see cref="StackKey.BetweenBursts"/>.</summary>
    public const int BetweenBursts = 1;

    private readonly HashIndex index = new();
    private StackKey[] keys = new StackKey[128];

    public StackKeys() => NumberOf(StackKey.BetweenBursts);

    public int Count { get; private set; } = 1;

    /// <summary>Null for <see cref="Lost"/>.</summary>
    public StackKey? this[int number] => number == Lost ? null : keys[number];

    public int NumberOf(in StackKey stack)
    {
        uint hash = HashIndex.Hash(stack.Leaf.Value ^ ((ulong)stack.Chain << 32 | (uint)stack.Stop ^ (stack.BeforeRules ? 1u << 31 : 0) ^ (stack.InKernel ? 1u << 30 : 0)) * 0xC2B2_AE3D_27D4_EB4F);
        HashIndex.Search search = index.Find(hash);
        for (int number; (number = search.Next()) >= 0;)
        {
            ref StackKey known = ref keys[number];
            if (known.Leaf == stack.Leaf && known.Chain == stack.Chain && known.Stop == stack.Stop && known.InKernel == stack.InKernel && known.BeforeRules == stack.BeforeRules)
                return number;
        }
        return Add(stack, hash);
    }

    private int Add(in StackKey stack, uint hash)
    {
        if (Count == keys.Length)
            Array.Resize(ref keys, Count * 2);
        keys[Count] = stack;
        index.Add(hash, Count);
        return Count++;
    }
}
