using System.Runtime.CompilerServices;
using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Capacity;

/// <summary>
/// Sends signals from the end of a stack of managed frames. Every level is one of two methods, so that <c>2^levels</c>
/// stacks can be told apart.
/// </summary>
internal static class DeepStack
{
    /// <summary>Bytes of locals in each frame, so that the frames lie on as many cache lines as a program's would.</summary>
    private const int FrameBytes = 96;

    /// <param name="levels">Frames of this class's, one less.</param>
    /// <param name="path">Its lowest bits choose the methods, the outermost first.</param>
    /// <param name="signal">What is sent.</param>
    /// <param name="count">How often.</param>
    /// <returns>How many were sent.</returns>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    internal static ulong Left(int levels, uint path, TimerSignal signal, ulong count)
    {
        Span<byte> locals = stackalloc byte[FrameBytes];
        locals[levels] = 1;
        ulong sent = levels == 0 ? SignalLoad.Send(signal.Number, signal.Value, count)
            : (path & 1) == 0 ? Left(levels - 1, path >> 1, signal, count)
            : Right(levels - 1, path >> 1, signal, count);
        return sent * locals[levels]; // after the call, or it would be a jump and this frame gone
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    private static ulong Right(int levels, uint path, TimerSignal signal, ulong count)
    {
        Span<byte> locals = stackalloc byte[FrameBytes];
        locals[levels] = 1;
        ulong sent = levels == 0 ? SignalLoad.Send(signal.Number, signal.Value, count)
            : (path & 1) == 0 ? Left(levels - 1, path >> 1, signal, count)
            : Right(levels - 1, path >> 1, signal, count);
        return sent * locals[levels];
    }
}
