using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Interop;

/// <summary>
/// Files below another process's root. Links in there are the target's, and an absolute one would lead out of it, to our
/// own files: everything is opened step by step, and links are resolved within that root (openat2(2)) or not at all.
/// Numbers from the x86-64 Linux headers.
/// </summary>
internal static unsafe partial class TargetFiles
{
    private const int CurrentDirectory = -100; /* AT_FDCWD */
    private const int RemoveDirectoryFlag = 0x200; /* AT_REMOVEDIR */
    private const long OpenAt2Call = 437;
    private const ulong ResolveInRoot = 0x10;
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const int DirectoryOnly = 0x10000;
    private const int NoFollow = 0x20000;
    private const int CloseOnExec = 0x80000;
    private const int PathOnly = 0x200000;
    private const uint OwnerOnlyDirectory = 0b111_000_000;
    private const uint OwnerReadsAndRuns = 0b101_000_000;

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    /// <summary>A directory below the process's root, or null with the error.</summary>
    internal static SafeFileHandle? OpenDirectory(int pid, string path)
    {
        int rootFile = OpenAt(CurrentDirectory, $"/proc/{pid}/root", PathOnly | DirectoryOnly | CloseOnExec, 0);
        if (rootFile < 0)
            return null;
        using var root = new SafeFileHandle(rootFile, ownsHandle: true);
        var how = new OpenHow { Flags = DirectoryOnly | CloseOnExec, Resolve = ResolveInRoot };
        byte[] name = System.Text.Encoding.UTF8.GetBytes(path + '\0');
        fixed (byte* at = name)
        {
            int file = (int)SystemCall(OpenAt2Call, rootFile, at, &how, sizeof(OpenHow));
            return file < 0 ? null : new SafeFileHandle(file, ownsHandle: true);
        }
    }

    /// <summary>A new directory that only its owner enters; null when it cannot be made, or is there already.</summary>
    internal static SafeFileHandle? CreateDirectory(SafeFileHandle parent, string name)
    {
        if (MakeDirectoryAt(Number(parent), name, OwnerOnlyDirectory) != 0)
            return null;
        int file = OpenAt(Number(parent), name, DirectoryOnly | NoFollow | CloseOnExec, 0);
        return file < 0 ? null : new SafeFileHandle(file, ownsHandle: true);
    }

    /// <summary>A new file that its owner may read and run.</summary>
    internal static SafeFileHandle? CreateFile(SafeFileHandle directory, string name)
    {
        int file = OpenAt(Number(directory), name, WriteOnly | Create | Exclusive | NoFollow | CloseOnExec, OwnerReadsAndRuns);
        return file < 0 ? null : new SafeFileHandle(file, ownsHandle: true);
    }

    internal static bool ChangeOwner(SafeFileHandle file, uint user, uint group) => ChangeOwner(Number(file), user, group) == 0;

    internal static void DeleteFile(SafeFileHandle directory, string name) => UnlinkAt(Number(directory), name, 0);

    internal static void DeleteDirectory(SafeFileHandle parent, string name) => UnlinkAt(Number(parent), name, RemoveDirectoryFlag);

    internal static string LastError => Marshal.GetLastPInvokeErrorMessage();

    private static int Number(SafeFileHandle file) => (int)file.DangerousGetHandle();

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(int directory, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, long directory, byte* path, OpenHow* how, long bytes);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectoryAt(int directory, string path, uint mode);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOwner(int file, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnlinkAt(int directory, string path, int flags);
}
