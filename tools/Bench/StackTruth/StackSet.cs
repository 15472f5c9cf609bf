namespace DotnetPprof.Bench.StackTruth;

/// <summary>The stacks of some threads.</summary>
internal sealed class StackSet
{
    private readonly IReadOnlyList<SampledStack> stacks;

    /// <exception cref="BenchException">There are none.</exception>
    internal StackSet(IEnumerable<SampledStack> all, IReadOnlySet<int> tids)
    {
        stacks = [.. all.Where(stack => tids.Contains(stack.Tid))];
        Samples = stacks.Sum(stack => stack.Samples);
        Weight = stacks.Sum(stack => stack.Weight);
        if (Samples == 0 || Weight == 0)
            throw new BenchException("not one sample of the program's threads");
    }

    internal long Samples { get; }

    internal double Weight { get; }

    /// <summary>Part of all frames that have a name, by samples.</summary>
    internal double Named =>
        (double)stacks.Sum(stack => stack.Samples * stack.Frames.Count(frame => frame is not null)) / stacks.Sum(stack => stack.Samples * stack.Frames.Count);

    internal double WeightUnder(string function) => stacks.Where(stack => stack.Frames.Contains(function)).Sum(stack => stack.Weight);

    /// <summary>The weight of each caller of a function, at its outermost place in a stack; "" for no name and no caller.</summary>
    internal Dictionary<string, double> CallersOf(string function)
    {
        var callers = new Dictionary<string, double>();
        foreach (SampledStack stack in stacks)
        {
            int at = stack.Frames.Count - 1;
            while (at >= 0 && stack.Frames[at] != function)
                at--;
            if (at < 0)
                continue;
            string caller = (at + 1 < stack.Frames.Count ? stack.Frames[at + 1] : null) ?? "";
            callers[caller] = callers.GetValueOrDefault(caller) + stack.Weight;
        }
        return callers;
    }
}
