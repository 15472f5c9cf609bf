using DotnetPprof.Aggregate;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Unwind;

namespace DotnetPprof.Session;

/// <summary>
/// Names interned stacks: has the leaf and each of its callers named. Where a caller is not to be believed, a frame says so.
/// </summary>
internal sealed class StackResolver(KeptChains chains, Symbolizer symbolizer, CodeMap code, LearnedCodes learned, StackEdges edges) : IStackResolver
{
    private readonly List<Location> locations = [];

    public IReadOnlyList<Location> Resolve(StackKey stack, MonotonicNanos time)
    {
        ReadOnlySpan<ReturnAddress> returns = chains[stack.Chain];
        locations.Clear();
        InstructionPointer callee = stack.Leaf;
        locations.Add(symbolizer.Resolve(callee, time));
        for (int i = 0; i < returns.Length; i++)
        {
            EdgeVerdict edge = edges.Check(callee, returns[i], time);
            bool isStale = false;
            if (stack.BeforeRules && edge != EdgeVerdict.Proven && MayHaveMissedCaller(callee, time, out isStale))
                locations.Add(Synthetic(SyntheticFrames.CallerNotKnown));
            else if (edge is EdgeVerdict.Impossible or EdgeVerdict.Nowhere)
                locations.Add(Synthetic(SyntheticFrames.CallerUncertain));
            callee = returns[i].CallSite;
            if (!isStale && edge != EdgeVerdict.Nowhere)
                locations.Add(symbolizer.Resolve(callee, time));
        }
        return [.. locations];
    }

    public Location Synthetic(string name) => symbolizer.Synthetic(name);

    /// <param name="ip">Where it was stepped from.</param>
    /// <param name="time">When.</param>
    /// <param name="isStale">Whether what was taken for the caller is one of the past: an OSR body stepped by frame pointer leads to where its Tier0 body was called from.</param>
    private bool MayHaveMissedCaller(InstructionPointer ip, MonotonicNanos time, out bool isStale)
    {
        isStale = false;
        if (learned.Find(ip, time) is not { } known)
            return code.Find(ip, time) is not null;
        StepRule rule = known.RuleAt(ip);
        if (rule == StepRule.FramePointer || known.InForce.CompareTo(time) <= 0)
            return false;
        isStale = rule.FromRbp;
        return true;
    }
}
