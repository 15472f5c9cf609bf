using System.Runtime.InteropServices;

namespace DotnetPprof.Agent.Interop;

/// <summary>The clocks that are read in C; see native/clock.h.</summary>
internal static unsafe partial class ClockNative
{
    /// <summary>The <c>u64 (*)(void)</c> that reads a ClockKind; null when it has none here.</summary>
    [LibraryImport("hotpath", EntryPoint = "clock_pointer")]
    internal static partial void* Pointer(uint kind);
}
