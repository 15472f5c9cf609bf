using System.Runtime.InteropServices;

namespace DotnetPprof.Interop;

/// <summary>Calls about processes and terminals that the class library does not offer.</summary>
internal static partial class ProcessInterop
{
    internal const int SigHup = 1;
    internal const int SigInt = 2;
    internal const int SigTerm = 15;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    internal static partial uint EffectiveUserId();

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    private static partial int ProcessGroup();

    [LibraryImport("libc", EntryPoint = "tcgetpgrp", SetLastError = true)]
    private static partial int TerminalGroup(int descriptor);

    /// <summary>Whether a Ctrl-C typed at the terminal reaches this process's group, and thereby a child in it.</summary>
    internal static bool IsForegroundOfTerminal()
    {
        try
        {
            using var terminal = File.OpenHandle("/dev/tty");
            return TerminalGroup((int)terminal.DangerousGetHandle()) == ProcessGroup();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
