namespace DotnetPprof.Unwind;

/// <summary>Instructions in a row with the same rule.</summary>
/// <param name="Start">Offset of the first.</param>
/// <param name="End">Offset past the last.</param>
internal readonly record struct RuleRun(int Start, int End, StepRule Rule);

/// <summary>A call, by distances as its instruction has them: so it is the same wherever the code lies.</summary>
/// <param name="Return">Offset of the instruction behind the call.</param>
/// <param name="ToTarget">Bytes from there to what is called; 0 when that is not in the instruction.</param>
/// <param name="ToCell">Bytes from there to where the address called stands in memory; 0 when that is not in the instruction.</param>
internal readonly record struct CallSite(int Return, int ToTarget, int ToCell = 0);

/// <summary>What the code of one method says about its frames.</summary>
/// <param name="Rules">Where a rule other than <see cref="StepRule.FramePointer"/> is needed, in order.</param>
/// <param name="Calls">In order.</param>
/// <param name="Boundaries">Offsets of all instructions, in order.</param>
/// <param name="LeavesByJump">Whether it may hand its own caller on to another method.</param>
internal sealed record AnalysedCode(IReadOnlyList<RuleRun> Rules, IReadOnlyList<CallSite> Calls, IReadOnlyList<int> Boundaries, bool LeavesByJump)
{
    /// <summary>The rule at an offset; where an instruction is being executed, its own offset.</summary>
    public StepRule RuleAt(int offset)
    {
        int low = 0, high = Rules.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Rules[middle].Start <= offset)
                low = middle + 1;
            else
                high = middle;
        }
        return low > 0 && offset < Rules[low - 1].End ? Rules[low - 1].Rule : StepRule.FramePointer;
    }
}
