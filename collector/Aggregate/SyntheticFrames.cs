using System.Globalization;
using DotnetPprof.Region;

namespace DotnetPprof.Aggregate;

/// <summary>Names of the frames that make losses visible in the profile itself.</summary>
internal static class SyntheticFrames
{
    public const string LostSamples = "[lost samples]";

    /// <summary>CPU time of the process that no sample stands for.</summary>
    public const string UnsampledThreads = "[unsampled threads]";

    /// <summary>Below the call that entered it.</summary>
    public const string Kernel = "[kernel]";

    /// <summary>CPU time in the kernel, where samples of it are not permitted.</summary>
    public const string KernelNotPermitted = "[kernel, not permitted]";

    /// <summary>CPU time used while no samples were taken, because they are taken in bursts.</summary>
    public const string BetweenBursts = "[between bursts]";

    /// <summary>CPU time of the agent's own threads.</summary>
    public const string Agent = "[dotnet-pprof agent]";

    /// <summary>A stack that the resolver knew nothing about.</summary>
    public const string UnknownStack = "[unknown stack]";

    /// <summary>Below a frame whose caller was left out, because how to step from it had not been learned yet.</summary>
    public const string CallerNotKnown = "[caller not known yet]";

    /// <summary>Below a frame that the next one cannot have called.</summary>
    public const string CallerUncertain = "[caller uncertain]";

    /// <summary>
    /// Below what a signal interrupted, where the handler runs on a stack of its own: the kernel copies that one alone, and
    /// in place no other is walked that does not happen to lie further out.
    /// </summary>
    public const string OtherStack = "[truncated: interrupted by a signal handler on its own stack]";

    private static readonly string Depth =
        string.Create(CultureInfo.InvariantCulture, $"[truncated: deeper than {RegionLayout.MaxDepth} frames]");

    /// <summary>Whether a frame says that its stack is not whole, or not certain.</summary>
    public static bool IsFlaw(string name) =>
        name.StartsWith("[truncated:", StringComparison.Ordinal) || name.StartsWith("[stack not ", StringComparison.Ordinal) || name is CallerNotKnown or CallerUncertain;

    /// <summary>The frame that stands where a stack's missing outer part would be; null for a whole stack.</summary>
    public static string? ForStop(StopReason stop) => stop switch
    {
        StopReason.Root => null,
        StopReason.Bounds => "[truncated: frame pointer off the stack]",
        StopReason.Unaligned => "[truncated: unaligned frame pointer]",
        StopReason.NotOutward => "[truncated: frame pointer not outward]",
        StopReason.Depth => Depth,
        StopReason.Unreadable => "[stack not readable]",
        StopReason.StoreFull => "[truncated: no room to store callers]",
        StopReason.CopyShort => "[truncated: more stack than the kernel copied]",
        StopReason.OtherStack => OtherStack,
        StopReason.StackShort => "[stack not walked: thread was about to run out of stack]",
        _ => "[truncated: unknown reason]",
    };
}
