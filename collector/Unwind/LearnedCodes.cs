using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// All that was learned in a capture, found by place and time. Written by the learner's thread, read by the drain's. Of a
/// method's body it stands in the body itself; so there is one of these for a code map, not more.
/// </summary>
internal sealed class LearnedCodes(CodeMap code)
{
    private static readonly PackedFrames s_notUnderstood = PackedFrames.Of(new AnalysedCode([], [], [], LeavesByJump: true));

    private readonly Lock gate = new();

    private readonly SortedList<ulong, LearnedCode> functions = [];

    /* What was learned in one round is in force from one time on: a body has that one's number. */
    private readonly List<MonotonicNanos> rounds = [];

    /* Ids of methods of which some body may hand its caller on. */
    private readonly HashSet<ulong> jumping = [];

    /// <summary>All, for learning it once more.</summary>
    public List<CodeToLearn> Codes()
    {
        IReadOnlyList<MethodCode> methods = code.Bodies();
        lock (gate)
            return [.. methods.Where(method => method.Frames.IsKnown).Select(CodeToLearn.Of), .. functions.Values.Select(learned => learned.Code)];
    }

    public bool Has(MethodCode method)
    {
        lock (gate)
            return method.Frames.IsKnown;
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
            method.Frames = learned.Frames ?? s_notUnderstood;
            method.FramesRound = RoundOf(learned.InForce);
            if (method.Frames.LeavesByJump)
                jumping.Add(method.MethodId);
        }
    }

    /// <summary>Whether a method, in any of its bodies, may hand its caller on to another.</summary>
    public bool MayLeaveByJump(MethodCode body)
    {
        lock (gate)
            return !body.Frames.IsKnown || jumping.Contains(body.MethodId);
    }

    /// <summary>What was learned of the code that an instruction belonged to when it was executed; null for nothing yet.</summary>
    public LearnedCode? Find(InstructionPointer ip, MonotonicNanos time)
    {
        MethodCode? method = code.Find(ip, time);
        lock (gate)
        {
            if (method is { Frames: { IsKnown: true } frames })
                return new LearnedCode(CodeToLearn.Of(method), frames == s_notUnderstood ? null : frames, rounds[method.FramesRound]);
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

    private int RoundOf(MonotonicNanos inForce)
    {
        for (int i = rounds.Count - 1; i >= 0 && i >= rounds.Count - 2; i--)
        {
            if (rounds[i] == inForce)
                return i;
        }
        rounds.Add(inForce);
        return rounds.Count - 1;
    }
}
