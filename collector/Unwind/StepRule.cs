namespace DotnetPprof.Unwind;

/// <summary>
/// How to step from an instruction to its function's caller. The canonical frame address (CFA) is the stack pointer as it
/// was before the call: the return address lies in the word below it, and it is the caller's stack pointer.
/// </summary>
/// <param name="FromRbp">Whether the CFA is counted from rbp, otherwise from rsp.</param>
/// <param name="Cfa">Bytes from there up to the CFA; a multiple of 8.</param>
/// <param name="SavedRbp">The caller's rbp lies so many bytes below the CFA; 0: it is in rbp.</param>
internal readonly record struct StepRule(bool FromRbp, int Cfa, int SavedRbp)
{
    /// <summary>A frame that rbp points to. It needs no rule: the walk takes it where it knows none.</summary>
    public static readonly StepRule FramePointer = new(true, 16, 16);
}
