using System.Runtime.InteropServices;

namespace DotnetPprof.SoakWorkload;

/// <summary>System calls as they are: the class library would hide an interruption.</summary>
internal static unsafe partial class Libc
{
    internal const int Interrupted = 4; /* EINTR */
    internal const int LockShared = 1;
    internal const int LockExclusive = 2;
    internal const int Unlock = 8;

    [StructLayout(LayoutKind.Sequential)]
    internal struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollFile
    {
        public int File;
        public short Events;
        public short Returned;
    }

    internal static int Error => Marshal.GetLastPInvokeError();

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    internal static partial int Pipe(int* files, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    internal static partial nint Read(int file, byte* at, nuint bytes);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(int file, byte* at, nuint bytes);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll(PollFile* files, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "nanosleep", SetLastError = true)]
    internal static partial int NanoSleep(TimeSpec* time, TimeSpec* left);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    internal static partial int Lock(int file, int operation);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "abort")]
    internal static partial void Abort();

    [LibraryImport("libc", EntryPoint = "pthread_create")]
    internal static partial int CreateThread(nint* thread, void* attributes, delegate* unmanaged<nint, nint> start, nint argument);

    [LibraryImport("libc", EntryPoint = "pthread_join")]
    internal static partial int JoinThread(nint thread, nint* result);
}
