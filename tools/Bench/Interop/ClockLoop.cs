using System.Runtime.InteropServices;

namespace DotnetPprof.Bench.Interop;

/// <summary>native/clock_loop.c.</summary>
internal static unsafe partial class ClockLoop
{
    private const string Library = BuiltBeside.ClockLoop;

    [LibraryImport(Library, EntryPoint = "loop_inline_rdtsc")]
    internal static partial ulong InlineRdtsc(ulong calls);

    [LibraryImport(Library, EntryPoint = "loop_direct_clock_gettime")]
    internal static partial ulong DirectClockGettime(ulong calls);

    [LibraryImport(Library, EntryPoint = "loop_pointer")]
    internal static partial ulong Pointer(void* clock, ulong calls);
}
