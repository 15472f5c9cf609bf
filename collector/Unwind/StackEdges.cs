using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>Whether one frame can have called the next.</summary>
internal enum EdgeVerdict
{
    /// <summary>Nothing speaks against it: calls through pointers and stubs.</summary>
    Possible,

    /// <summary>The call names what it called, and that is the callee.</summary>
    Proven,

    /// <summary>There is no call, or it calls something else that does not hand its caller on.</summary>
    Impossible,

    /// <summary>There is no code.</summary>
    Nowhere,
}

/// <summary>Checks callers against their code.</summary>
internal sealed class StackEdges(CodeMap code, LearnedCodes learned, CallTargets targets)
{
    /// <param name="callee">Where the callee was.</param>
    /// <param name="address">Where it is said to return to.</param>
    /// <param name="time">When.</param>
    public EdgeVerdict Check(InstructionPointer callee, ReturnAddress address, MonotonicNanos time)
    {
        /* A signal's handler has no caller: it returns to an instruction that was interrupted. */
        if (learned.Find(callee, time) is { Frames: var leaving } && leaving == PackedFrames.OfSignalReturn)
            return EdgeVerdict.Possible;
        if (learned.Find(address.CallSite, time) is not { Frames: { } frames } caller)
            return targets.IsCode(address.CallSite, time) ? EdgeVerdict.Possible : EdgeVerdict.Nowhere;
        if (caller.Code.Kind != CodeKind.Method)
            return frames == PackedFrames.OfNoCall ? EdgeVerdict.Impossible : EdgeVerdict.Possible;
        if (frames.CallReturningTo((int)(address.Value - caller.Code.Start)) is not { } call)
            return EdgeVerdict.Impossible;
        if (code.Find(callee, time) is not { } called || caller.Code.Method is not { Unloaded: var unloaded } || unloaded != MethodCode.Never)
            return EdgeVerdict.Possible;
        if (targets.Of(call, address, time) is not { } target)
            return EdgeVerdict.Possible;
        if (target.MethodId == called.MethodId)
            return EdgeVerdict.Proven;
        return learned.MayLeaveByJump(target) ? EdgeVerdict.Possible : EdgeVerdict.Impossible;
    }
}
