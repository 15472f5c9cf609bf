using DotnetPprof.Aggregate;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// Since when the rules for all frames of a stack have been in force. What was walked before may have missed a caller; a
/// stack without such frames is right at any time. Belongs to the drain.
/// </summary>
internal sealed class RuleTimes(CodeMap code, LearnedCodes learned, KeptChains chains) : IRuleTimes
{
    /* While code of a stack is still being learned, it is looked at again this often. */
    private const long AgainNanos = 20_000_000;

    private long[] since = new long[128];
    private long[] lookAgain = new long[128];

    /* Of what is known of a stack: in another, its addresses are other code's. */
    private int[] generations = new int[128];

    public bool InForceAt(int number, int generation, in StackKey stack, MonotonicNanos time)
    {
        if (number >= since.Length)
        {
            int length = Math.Max(number + 1, since.Length * 2);
            Array.Resize(ref since, length);
            Array.Resize(ref lookAgain, length);
            Array.Resize(ref generations, length);
        }
        if (generations[number] != generation)
            (generations[number], lookAgain[number]) = (generation, 0);
        if (time.Value >= lookAgain[number])
            lookAgain[number] = Look(stack, time, out since[number]) ? long.MaxValue : time.Value + AgainNanos;
        return time.Value >= since[number];
    }

    /// <returns>Whether all of its code has been learned.</returns>
    private bool Look(in StackKey stack, MonotonicNanos time, out long inForce)
    {
        inForce = long.MinValue;
        bool all = Look(stack.Leaf, time, ref inForce);
        foreach (ReturnAddress address in chains[stack.Chain])
            all &= Look(address.CallSite, time, ref inForce);
        return all;
    }

    private bool Look(InstructionPointer ip, MonotonicNanos time, ref long inForce)
    {
        if (learned.Find(ip, time) is { } known)
        {
            if (known.RuleAt(ip) != StepRule.FramePointer)
                inForce = Math.Max(inForce, known.InForce.Value);
            return true;
        }
        if (code.Find(ip, time) is null)
            return true;
        inForce = long.MaxValue;
        return false;
    }
}
