using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DotnetPprof.Bench.Interop;

/// <summary>What native/build.sh has left beside the program.</summary>
internal static class BuiltBeside
{
    internal const string ClockLoop = "clock_loop";
    internal const string SignalLoad = "signal_load";

    /// <summary>By this name the agent's sources call its C half, which is linked into the clock loop's file.</summary>
    private const string AgentLibrary = "hotpath";

    internal static string RoutineLoopPath => PathOf("routine_loop");

    [ModuleInitializer]
    internal static void Resolve() => NativeLibrary.SetDllImportResolver(
        typeof(BuiltBeside).Assembly,
        (name, _, _) => name switch
        {
            ClockLoop or AgentLibrary => NativeLibrary.Load(PathOf("libclock_loop.so")),
            SignalLoad => NativeLibrary.Load(PathOf("libsignal_load.so")),
            _ => 0,
        });

    private static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "native", name);
}
