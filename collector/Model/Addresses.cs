namespace DotnetPprof.Model;

/// <summary>The address of an instruction that was executing, or is to be looked up as if it were.</summary>
public readonly record struct InstructionPointer(ulong Value);

/// <summary>
/// The address a call returns to. It may lie past the end of the calling function (a call that never returns is its
/// last instruction), so it is never looked up itself: only its <see cref="CallSite"/> is.
/// </summary>
public readonly record struct ReturnAddress(ulong Value)
{
    /// <summary>An address inside the call instruction.</summary>
    public InstructionPointer CallSite => new(Value - 1);
}
