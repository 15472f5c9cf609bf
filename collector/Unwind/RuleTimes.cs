using DotnetPprof.Aggregate;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// Since when the rules for all frames of a stack have been in force. What was walked before may have missed a caller; a
/// stack without such frames is right at any time. Belongs to the drain.
/// </summary>
/// <param name="code">The target's managed code.</param>
/// <param name="learned">What is known of it.</param>
/// <param name="chains">Callers by number.</param>
/// <param name="isOfFile">Whether an instruction is a native module's.</param>
internal sealed class RuleTimes(CodeMap code, LearnedCodes learned, KeptChains chains, Func<InstructionPointer, bool> isOfFile) : IRuleTimes
{
    /* While code of a stack is still being learned, it is looked at again this often. */
    private const long AgainNanos = 20_000_000;

    /* And this often when other code became known, where nobody knew whose it is: a stub, or told of later than usual. */
    private const long UnknownAgainNanos = 1_000_000_000;

    private long[] since = new long[128];
    private long[] lookAgain = new long[128];

    /* Of what is known of a stack: in another, its addresses are other code's. */
    private int[] generations = new int[128];

    /* Of stacks that lead through code that nobody knew, the bodies known then; else 0. */
    private int[] unknownAmong = new int[128];

    private int drops;

    public bool InForceAt(int number, int generation, in StackKey stack, MonotonicNanos time)
    {
        if (number >= since.Length)
        {
            int length = Math.Max(number + 1, since.Length * 2);
            Array.Resize(ref since, length);
            Array.Resize(ref lookAgain, length);
            Array.Resize(ref generations, length);
            Array.Resize(ref unknownAmong, length);
        }
        if (learned.Drops is var now && now != drops)
        {
            drops = now;
            Array.Clear(lookAgain);
            Array.Clear(unknownAmong);
        }
        if (generations[number] != generation)
            (generations[number], lookAgain[number], unknownAmong[number]) = (generation, 0, 0);
        if (time.Value >= lookAgain[number])
            Look(number, stack, time);
        return time.Value >= since[number];
    }

    private void Look(int number, in StackKey stack, MonotonicNanos time)
    {
        int known = code.Count;
        if (unknownAmong[number] != known)
        {
            Found found = Look(stack, time, out since[number]);
            unknownAmong[number] = found == Found.Unknown ? known : 0;
            lookAgain[number] = found == Found.Learning ? time.Value + AgainNanos : long.MaxValue;
        }
        if (unknownAmong[number] != 0)
            lookAgain[number] = time.Value + UnknownAgainNanos;
    }

    /// <returns>The least of what is known of its code.</returns>
    private Found Look(in StackKey stack, MonotonicNanos time, out long inForce)
    {
        inForce = long.MinValue;
        Found least = Look(stack.Leaf, time, ref inForce);
        foreach (ReturnAddress address in chains[stack.Chain])
        {
            Found found = Look(address.CallSite, time, ref inForce);
            least = found < least ? found : least;
        }
        return least;
    }

    private Found Look(InstructionPointer ip, MonotonicNanos time, ref long inForce)
    {
        if (learned.Find(ip, time) is { } known)
        {
            if (known.RuleAt(ip) == StepRule.FramePointer)
                return Found.Learned;
            inForce = Math.Max(inForce, known.InForce.Value);
            return known.IsDropped ? Found.Learning : Found.Learned;
        }
        if (code.Find(ip, time) is null)
            return isOfFile(ip) ? Found.Learned : Found.Unknown;
        inForce = long.MaxValue;
        return Found.Learning;
    }

    private enum Found
    {
        Learning,
        Unknown,
        Learned,
    }
}
