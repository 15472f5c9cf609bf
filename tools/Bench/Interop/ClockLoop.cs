using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DotnetPprof.Bench.Interop;

/// <summary>What native/build.sh has left beside the program.</summary>
internal static unsafe partial class ClockLoop
{
    private const string Library = "clock_loop";

    /// <summary>By this name the agent's sources call its C half, which is linked into the same file.</summary>
    private const string AgentLibrary = "hotpath";

    internal static string RoutineLoopPath => PathOf("routine_loop");

    [LibraryImport(Library, EntryPoint = "loop_inline_rdtsc")]
    internal static partial ulong InlineRdtsc(ulong calls);

    [LibraryImport(Library, EntryPoint = "loop_direct_clock_gettime")]
    internal static partial ulong DirectClockGettime(ulong calls);

    [LibraryImport(Library, EntryPoint = "loop_pointer")]
    internal static partial ulong Pointer(void* clock, ulong calls);

    [ModuleInitializer]
    internal static void Resolve() => NativeLibrary.SetDllImportResolver(
        typeof(ClockLoop).Assembly,
        (name, _, _) => name is Library or AgentLibrary ? NativeLibrary.Load(PathOf("libclock_loop.so")) : 0);

    private static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "native", name);
}
