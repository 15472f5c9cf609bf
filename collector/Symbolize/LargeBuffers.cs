using System.Buffers;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Where bytes go that are looked at once: arrays of this size are collected only with all the rest, and each target that is
/// attached to takes some. Few are kept, 4 MiB of them, and none for each thread as the shared pool does it: there are as many threads as
/// targets.
/// </summary>
internal static class LargeBuffers
{
    private const int LargestKept = 1 << 18;
    private const int KeptOfEachSize = 8;

    public static ArrayPool<byte> Pool { get; } = ArrayPool<byte>.Create(LargestKept, KeptOfEachSize);
}
