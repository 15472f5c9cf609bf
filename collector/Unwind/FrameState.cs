namespace DotnetPprof.Unwind;

/// <summary>
/// What is known of a function's frame before one of its instructions. Distances are counted down from the canonical
/// frame address, in bytes.
/// </summary>
/// <param name="Depth">Where rsp points; null when that depends on data (localloc).</param>
/// <param name="SavedRbp">Where the caller's rbp was put; 0: it is still in rbp.</param>
/// <param name="Frame">Where rbp points, when it points into the frame; otherwise 0.</param>
internal readonly record struct FrameState(int? Depth, int SavedRbp, int Frame)
{
    /// <summary>Right after the call.</summary>
    public static readonly FrameState Entry = new(8, 0, 0);

    /// <summary>In an exception handler that runs on its method's frame pointer.</summary>
    public static readonly FrameState Handler = new(null, 16, 16);

    /// <summary>Whether rbp heads a frame that the next one's rbp is linked to.</summary>
    public bool IsChained => Frame == 16 && SavedRbp == 16;

    /// <summary>Nothing of the frame is left but the return address.</summary>
    public bool IsLeft => Depth == 8 && SavedRbp == 0;

    /// <summary>The rule for stepping from here; null when there is none.</summary>
    /// <param name="preferRbp">Where both would do: of an OSR body it is known that rbp is its frame pointer.</param>
    public StepRule? Rule(bool preferRbp)
    {
        if (IsChained)
            return StepRule.FramePointer;
        if (Depth is { } depth && !(preferRbp && Frame > 0))
            return new StepRule(false, depth, SavedRbp);
        return Frame > 0 ? new StepRule(true, Frame, SavedRbp) : null;
    }

    /// <summary>What holds whichever of two ways led here; null when the two contradict each other.</summary>
    public static FrameState? Meet(FrameState left, FrameState right)
    {
        if (left == right)
            return left;
        if (left.SavedRbp != right.SavedRbp)
            return null;
        int frame = left.Frame == right.Frame ? left.Frame : 0;
        int? depth = left.Depth == right.Depth ? left.Depth : null;
        return depth is null && frame == 0 ? null : new FrameState(depth, left.SavedRbp, frame);
    }
}
