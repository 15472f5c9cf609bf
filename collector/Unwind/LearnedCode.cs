using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>What is known of a piece of code, and since when the agent steps through it accordingly.</summary>
/// <param name="Code">What it is.</param>
/// <param name="Frames">Null where they are not understood: they are stepped by frame pointer.</param>
/// <param name="InForce">From when on; <see cref="MethodCode.Never"/> when the agent did not take it.</param>
/// <param name="IsDropped">Whether the agent has dropped it, and it is being learned again.</param>
internal readonly record struct LearnedCode(CodeToLearn Code, PackedFrames? Frames, MonotonicNanos InForce, bool IsDropped = false)
{
    /// <summary>The rule for a place in it.</summary>
    public StepRule RuleAt(InstructionPointer ip) => Frames?.RuleAt((int)(ip.Value - Code.Start)) ?? StepRule.FramePointer;
}
