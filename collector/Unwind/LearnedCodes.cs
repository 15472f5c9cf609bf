using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// All that was learned in a capture, found by place and time. Written by the learner's thread, read by the drain's. Of a
/// method's body it stands in the body itself; so there is one of these for a code map, not more.
/// </summary>
internal sealed class LearnedCodes(CodeMap code)
{
    private readonly Lock gate = new();

    private readonly SortedList<ulong, LearnedCode> functions = [];

    /* Ids of methods of which some body may hand its caller on. */
    private readonly HashSet<ulong> jumping = [];

    /// <summary>All, for learning it once more.</summary>
    public List<CodeToLearn> Codes()
    {
        IReadOnlyList<MethodCode> methods = code.Snapshot();
        lock (gate)
            return [.. methods.Where(method => method.Frames.AreLearned).Select(CodeToLearn.Of), .. functions.Values.Select(learned => learned.Code)];
    }

    public bool Has(MethodCode method)
    {
        lock (gate)
            return method.Frames.AreLearned;
    }

    public void Add(LearnedCode learned)
    {
        lock (gate)
        {
            if (learned.Code.Method is not { } method)
            {
                functions[learned.Code.Start] = learned;
                return;
            }
            method.Frames = LearnedFrames.Of(learned);
            if (learned.Analysis is not { LeavesByJump: false })
                jumping.Add(method.MethodId);
        }
    }

    /// <summary>Whether a method, in any of its bodies, may hand its caller on to another.</summary>
    public bool MayLeaveByJump(MethodCode body)
    {
        lock (gate)
            return !body.Frames.AreLearned || jumping.Contains(body.MethodId);
    }

    /// <summary>What was learned of the code that an instruction belonged to when it was executed; null for nothing yet.</summary>
    public LearnedCode? Find(InstructionPointer ip, MonotonicNanos time)
    {
        MethodCode? method = code.Find(ip, time);
        lock (gate)
        {
            if (method is { Frames: { AreLearned: true } frames })
                return new LearnedCode(CodeToLearn.Of(method), frames.Analysis, frames.InForce);
            int low = 0, high = functions.Count;
            while (low < high)
            {
                int middle = (low + high) >>> 1;
                if (functions.GetKeyAtIndex(middle) <= ip.Value)
                    low = middle + 1;
                else
                    high = middle;
            }
            return low > 0 && functions.GetValueAtIndex(low - 1) is var found && ip.Value - found.Code.Start < found.Code.Size ? found : null;
        }
    }
}
