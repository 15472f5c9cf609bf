using System.Runtime.InteropServices;

namespace DotnetPprof.Bench.Interop;

/// <summary>native/signal_load.c: signals that a thread sends itself.</summary>
internal static partial class SignalLoad
{
    private const string Library = BuiltBeside.SignalLoad;

    /// <summary>A signal that nobody else uses: the last.</summary>
    internal const int EmptySignal = 64;

    /// <summary>Gives <see cref="EmptySignal"/> a handler that does nothing.</summary>
    internal static void InstallEmpty()
    {
        if (InstallEmpty(EmptySignal) != 0)
            throw new BenchException("no signal handler could be installed");
    }

    /// <param name="id">The kernel's, as in /proc/self/timers.</param>
    /// <returns>0 or a negative errno.</returns>
    [LibraryImport(Library, EntryPoint = "load_delete_timer")]
    internal static partial long DeleteTimer(int id);

    /// <summary>Sends the calling thread signals as a timer that carries the value would; each is handled on return.</summary>
    /// <returns>How many were sent.</returns>
    [LibraryImport(Library, EntryPoint = "load_signal")]
    [SuppressGCTransition]
    internal static partial ulong Send(int number, ulong value, ulong count);

    [LibraryImport(Library, EntryPoint = "load_install_empty")]
    private static partial long InstallEmpty(int number);
}
