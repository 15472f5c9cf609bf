using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>A piece of the target's code whose frames are to be understood.</summary>
/// <param name="Start">Its first byte.</param>
/// <param name="Size">Bytes, more than 0.</param>
/// <param name="Method">The body it is; null for a precompiled function of which only the image is known, and what is no method.</param>
/// <param name="Kind">What it is.</param>
internal readonly record struct CodeToLearn(ulong Start, uint Size, MethodCode? Method, CodeKind Kind = CodeKind.Method)
{
    public static CodeToLearn Of(MethodCode method) => new(method.Start, method.Size, method);
}

internal enum CodeKind
{
    /// <summary>A method's body, or a function of a precompiled image.</summary>
    Method,

    /// <summary>More than is left of a stub of the runtime's: where it ends is to be found.</summary>
    UnmeasuredStub,

    /// <summary>The rest of a stub from some instruction on.</summary>
    Stub,

    /// <summary>The last byte of a call in a native module, which the agent has the tables of.</summary>
    NativeCall,
}
