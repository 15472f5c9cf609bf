using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>What is known of a piece of code, and since when the agent steps through it accordingly.</summary>
/// <param name="Code">What it is.</param>
/// <param name="Analysis">Null where its frames are not understood: they are stepped by frame pointer.</param>
/// <param name="InForce">From when on; <see cref="MethodCode.Never"/> when the agent did not take it.</param>
internal readonly record struct LearnedCode(CodeToLearn Code, AnalysedCode? Analysis, MonotonicNanos InForce)
{
    /// <summary>The rule for a place in it.</summary>
    public StepRule RuleAt(InstructionPointer ip) => Analysis?.RuleAt((int)(ip.Value - Code.Start)) ?? StepRule.FramePointer;
}

/// <summary>The same of a method's body, kept in it.</summary>
internal readonly struct LearnedFrames
{
    private static readonly AnalysedCode s_notUnderstood = new([], [], [], LeavesByJump: true);

    private readonly AnalysedCode? analysis;

    private LearnedFrames(AnalysedCode analysis, MonotonicNanos inForce)
    {
        this.analysis = analysis;
        InForce = inForce;
    }

    /// <summary>Whether the rest is known.</summary>
    public bool AreLearned => analysis is not null;

    /// <inheritdoc cref="LearnedCode.Analysis"/>
    public AnalysedCode? Analysis => ReferenceEquals(analysis, s_notUnderstood) ? null : analysis;

    /// <inheritdoc cref="LearnedCode.InForce"/>
    public MonotonicNanos InForce { get; }

    public static LearnedFrames Of(LearnedCode learned) => new(learned.Analysis ?? s_notUnderstood, learned.InForce);
}
