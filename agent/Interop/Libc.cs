using System.Runtime.InteropServices;

namespace DotnetPprof.Agent.Interop;

/// <summary>The system calls the agent makes itself; numbers from the x86-64 Linux headers.</summary>
internal static unsafe partial class Libc
{
    internal const int ClockRealtime = 0;
    internal const int ClockMonotonic = 1;
    internal const int ClockProcessCpu = 2;
    internal const int ClockThreadCpu = 3;
    internal const int ClockMonotonicCoarse = 6;
    internal const int ClockBoottime = 7;

    internal const uint MemfdCloexec = 1;
    internal const uint MemfdAllowSealing = 2;
    internal const int AddSeals = 1033;
    internal const int SealSeal = 1;
    internal const int SealShrink = 2;
    internal const int SealGrow = 4;

    /* fcntl.h: whether somebody has locked the file by an open file description. */
    internal const int GetFileLock = 36;
    internal const short WriteLock = 1;
    internal const short NoLock = 2;

    internal const int ProtNone = 0;
    internal const int ProtRead = 1;
    internal const int ProtWrite = 2;
    internal const int ProtExecute = 4;
    internal const int MapShared = 1;
    internal const int MapPrivate = 2;
    internal const int MapAnonymous = 0x20;
    internal const int AdviseDontFork = 10;
    internal const int AdviseDontDump = 16;
    internal const int AdvisePopulateWrite = 23;

    internal const int FallocateKeepSize = 1;
    internal const int FallocatePunchHole = 2;

    internal const int LimitFileSize = 1;
    internal const int LimitStack = 3;
    internal const int LimitFiles = 7;

    internal const int BindLazily = 1;
    internal const int OnlyIfLoaded = 4;

    /* struct stat of x86-64, which begins with st_dev and st_ino. */
    private const int FileStatusBytes = 144;

    private const int GetTscPermission = 25;
    private const int TscRaisesFault = 2;

    [StructLayout(LayoutKind.Sequential)]
    internal struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;

        public readonly long TotalNanoseconds => Seconds * 1_000_000_000 + Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Limit
    {
        public ulong Current;
        public ulong Maximum;
    }

    /* struct flock */
    [StructLayout(LayoutKind.Sequential)]
    internal struct FileLock
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int Pid;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [LibraryImport("libc", EntryPoint = "clock_getres")]
    internal static partial int ClockGetResolution(int clock, out TimeSpec time);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    internal static partial int Truncate(int fd, long length);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    internal static partial int FileControl(int fd, int command, int argument);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    internal static partial int FileControl(int fd, int command, FileLock* argument);

    [LibraryImport("libc", EntryPoint = "fstat")]
    private static partial int FileStatus(int fd, byte* status);

    [LibraryImport("libc", EntryPoint = "close")]
    internal static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    internal static partial int Allocate(int fd, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    internal static partial void* Map(void* address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    internal static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    internal static partial int Unmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    internal static partial int GetAffinity(int thread, nuint maskBytes, byte* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    internal static partial int SetAffinity(int thread, nuint maskBytes, byte* mask);

    [LibraryImport("libc", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void* OpenLibrary(string path, int flags);

    [LibraryImport("libc", EntryPoint = "dlsym", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void* FindSymbol(void* library, string name);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ProcessControl(int option, int* value);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    internal static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    internal static partial int GetLimit(int resource, out Limit limit);

    [LibraryImport("libc", EntryPoint = "gettid")]
    internal static partial int GetThreadId();

    /// <summary>Of the file that a descriptor stands for; null when there is none.</summary>
    internal static (ulong Device, ulong Inode)? Identity(int fd)
    {
        byte* status = stackalloc byte[FileStatusBytes];
        return FileStatus(fd, status) == 0 ? (((ulong*)status)[0], ((ulong*)status)[1]) : null;
    }

    /// <summary>Whether rdtsc raises SIGSEGV in the calling thread.</summary>
    internal static bool IsTscForbidden()
    {
        int permission;
        return ProcessControl(GetTscPermission, &permission) == 0 && permission == TscRaisesFault;
    }

    /// <summary>Nanoseconds of one of the Clock constants.</summary>
    internal static long Now(int clock)
    {
        ClockGetTime(clock, out TimeSpec time);
        return time.TotalNanoseconds;
    }
}
