using System.Runtime.InteropServices;

namespace DotnetPprof.Interop;

/// <summary>What mapping the agent's region and waking its agent takes; numbers from the x86-64 Linux headers.</summary>
internal static unsafe partial class RegionInterop
{
    private const int GetSealsCommand = 1034;
    private const int SealShrink = 2;
    private const int SealGrow = 4;
    private const int NoAccess = 0;
    private const int ReadWrite = 3;
    private const int Shared = 1;
    private const int DontNeed = 4;
    private const long FutexCall = 202;
    private const int FutexWait = 0;
    private const int FutexWake = 1;
    private const int Realtime = 0;
    private const int Monotonic = 1;

    /* fcntl.h: locks of an open file description. */
    private const int GetFileLock = 36;
    private const int SetFileLock = 37;
    private const short WriteLock = 1;
    private const short NoLock = 2;

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    /* struct flock */
    [StructLayout(LayoutKind.Sequential)]
    private struct FileLock
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int Pid;
    }

    /// <summary>
    /// Locks a byte of a file for this opening of it, as long as that is open: the kernel takes the lock back when its process
    /// is gone, however it went (fcntl(2), "Open file description locks").
    /// </summary>
    /// <returns>False when another opening has it locked, or files cannot be locked here.</returns>
    internal static bool TryLock(SafeHandle file, long at) => TryLock(file, at, WriteLock);

    internal static void Unlock(SafeHandle file, long at) => TryLock(file, at, NoLock);

    /// <summary>Whether another opening of the file has this byte locked, in whatever process.</summary>
    internal static bool IsLockedByAnother(SafeHandle file, long at)
    {
        var wanted = new FileLock { Type = WriteLock, Start = at, Length = 1 };
        return FileControl((int)file.DangerousGetHandle(), GetFileLock, &wanted) == 0 && wanted.Type != NoLock;
    }

    private static bool TryLock(SafeHandle file, long at, short type)
    {
        var wanted = new FileLock { Type = type, Start = at, Length = 1 };
        return FileControl((int)file.DangerousGetHandle(), SetFileLock, &wanted) == 0;
    }

    /// <summary>Whether the file's size can never change again: then no access inside it can fault.</summary>
    internal static bool IsSizeSealed(SafeHandle file) =>
        FileControl((int)file.DangerousGetHandle(), GetSealsCommand, 0) is >= 0 and int seals && (seals & (SealShrink | SealGrow)) == (SealShrink | SealGrow);

    /// <summary>Maps a file's place in the address space; nothing of it can be accessed yet.</summary>
    /// <returns>The mapping's address, or null.</returns>
    internal static byte* MapShared(SafeHandle file, ulong bytes)
    {
        void* address = Map(null, (nuint)bytes, NoAccess, Shared, (int)file.DangerousGetHandle(), 0);
        return (nint)address == -1 ? null : (byte*)address;
    }

    /// <summary>Makes whole pages of a mapping accessible.</summary>
    /// <returns>False when the kernel refuses.</returns>
    internal static bool MakeAccessible(byte* address, ulong bytes) => Protect(address, (nuint)bytes, ReadWrite) == 0;

    internal static void Unmap(byte* address, ulong bytes) => Unmap((void*)address, (nuint)bytes);

    /// <summary>Takes shared memory out of this process's account: what is in it stays, and comes back when it is touched.</summary>
    internal static void LetGo(byte* address, ulong bytes) => Advise(address, (nuint)bytes, DontNeed);

    /// <summary>Wakes whoever waits on the word, in whatever process.</summary>
    internal static void Wake(ref uint word)
    {
        fixed (uint* address = &word)
            SystemCall(FutexCall, address, FutexWake, int.MaxValue, 0, 0, 0);
    }

    /// <summary>
    /// Waits until somebody wakes who waits on the word, in whatever process; not at all if it is not <paramref name="seen"/>
    /// any more. It may return before.
    /// </summary>
    internal static void Wait(ref uint word, uint seen, TimeSpan patience)
    {
        var timeout = new TimeSpec { Seconds = (long)patience.TotalSeconds, Nanoseconds = patience.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick };
        fixed (uint* address = &word)
            SystemCall(FutexCall, address, FutexWait, (int)seen, (nint)(&timeout), 0, 0);
    }

    /// <summary>CLOCK_MONOTONIC in nanoseconds.</summary>
    internal static long MonotonicNow() => Now(Monotonic);

    /// <summary>What CLOCK_REALTIME shows more than CLOCK_MONOTONIC, in nanoseconds: the tightest of a few readings.</summary>
    internal static long WallAhead()
    {
        long tightest = long.MaxValue;
        long ahead = 0;
        for (int i = 0; i < 5; i++)
        {
            long before = Now(Monotonic);
            long wall = Now(Realtime);
            long width = Now(Monotonic) - before;
            if (width >= tightest)
                continue;
            tightest = width;
            ahead = wall - before - width / 2;
        }
        return ahead;
    }

    private static long Now(int clock)
    {
        ClockGetTime(clock, out TimeSpec time);
        return time.Seconds * 1_000_000_000 + time.Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int FileControl(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int FileControl(int descriptor, int command, FileLock* argument);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long SystemCall(long number, uint* word, int operation, int value, nint timeout, nint word2, int value3);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);
}
