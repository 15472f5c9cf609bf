using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// All that was learned in a capture, found by place and time. Written by the learner's thread, read by the drain's. Of a
/// method's body it stands in the body itself; so there is one of these for a code map, not more.
/// </summary>
internal sealed class LearnedCodes(CodeMap code)
{
    /// <summary>The number of no round: of bodies whose rules were dropped.</summary>
    private const int Dropped = 0;

    private static readonly PackedFrames s_notUnderstood = PackedFrames.Of(new AnalysedCode([], [], [], LeavesByJump: true));

    private readonly Lock gate = new();

    private readonly SortedList<ulong, LearnedCode> functions = [];

    /* What was learned in one round is in force from one time on: a body has that one's number. */
    private readonly List<MonotonicNanos> rounds = [MethodCode.Never];

    /* Ids of methods of which some body may hand its caller on. */
    private readonly HashSet<ulong> jumping = [];

    private volatile int drops;

    /// <summary>How often rules were dropped. Asked for each sample, so without the lock.</summary>
    public int Drops => drops;

    /// <summary>
    /// The agent has dropped the rules for all code that may go away: none is in force until it is learned once more.
    /// </summary>
    /// <returns>What is to be learned; not what was dropped before and still waits for that.</returns>
    public List<CodeToLearn> Drop()
    {
        IReadOnlyList<MethodCode> methods = code.Bodies();
        lock (gate)
        {
            var dropped = new List<CodeToLearn>();
            /* Of those that are gone, nothing is learned any more: their places are others' now. */
            foreach (MethodCode method in methods.Where(method => method.Frames.IsKnown && method.FramesRound != Dropped && method.Unloaded == MethodCode.Never))
            {
                method.FramesRound = Dropped;
                dropped.Add(CodeToLearn.Of(method));
            }
            foreach (LearnedCode learned in functions.Values.Where(learned => learned is { IsDropped: false, Code.Kind: not CodeKind.NativeCall }).ToList())
            {
                functions[learned.Code.Start] = learned with { InForce = MethodCode.Never, IsDropped = true };
                dropped.Add(learned.Code);
            }
            drops++;
            return dropped;
        }
    }

    /// <summary>Whether there is nothing to learn of it.</summary>
    public bool Has(MethodCode method)
    {
        lock (gate)
            return method.Frames.IsKnown && method.FramesRound != Dropped;
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
                return new LearnedCode(CodeToLearn.Of(method), frames == s_notUnderstood ? null : frames, rounds[method.FramesRound], method.FramesRound == Dropped);
            int low = 0, high = functions.Count;
            while (low < high)
            {
                int middle = (low + high) >>> 1;
                if (functions.GetKeyAtIndex(middle) <= ip.Value)
                    low = middle + 1;
                else
                    high = middle;
            }
            if (low == 0 || functions.GetValueAtIndex(low - 1) is var found && ip.Value - found.Code.Start >= found.Code.Size)
                return null;
            /* Taken for a stub before it was known to be a method, which has taken its place or will. */
            return method is { Size: > 0 } && found.Code.Kind == CodeKind.Stub ? null : found;
        }
    }

    private int RoundOf(MonotonicNanos inForce)
    {
        for (int i = rounds.Count - 1; i > Dropped && i >= rounds.Count - 2; i--)
        {
            if (rounds[i] == inForce)
                return i;
        }
        rounds.Add(inForce);
        return rounds.Count - 1;
    }
}
