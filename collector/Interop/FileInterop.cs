using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Interop;

/// <summary>Opening files that others may have prepared: the class library follows links and waits for pipes.</summary>
internal static partial class FileInterop
{
    private const int ReadOnly = 0;
    private const int ReadWrite = 2;
    private const int Create = 0x40;
    private const int NonBlocking = 0x800;
    private const int NoFollow = 0x20000;
    private const int DirectoryOnly = 0x10000;
    private const int CloseOnExec = 0x80000;
    private const uint TypeMask = 0xF000;
    private const uint RegularType = 0x8000;
    private const uint ForAll = 0b110_110_110; /* but for the umask */
    private const int LockAlone = 2; /* LOCK_EX */
    private const int LockWithoutWaiting = 4; /* LOCK_NB */
    private const int WouldBlock = 11;
    private const int IsLink = 40; /* ELOOP */

    /// <summary>Opens a regular file for reading, and nothing else: a pipe or a device is neither opened nor waited for.</summary>
    /// <param name="path">Which.</param>
    /// <param name="followsLinks">Whether a symbolic link is taken for the file that it leads to.</param>
    /// <returns>Null where there is none, or it may not be read.</returns>
    internal static SafeFileHandle? TryOpenRegular(string path, bool followsLinks = true)
    {
        var handle = new SafeFileHandle(Open(path, ReadOnly | NonBlocking | CloseOnExec | (followsLinks ? 0 : NoFollow)), ownsHandle: true);
        if (!handle.IsInvalid && StatusOf(handle) is { } status && (status.Mode & TypeMask) == RegularType)
            return handle;
        handle.Dispose();
        return null;
    }

    /// <exception cref="IOException">There is none, or it may not be read.</exception>
    internal static SafeFileHandle OpenRegular(string path) => TryOpenRegular(path) ?? throw new IOException("there is no such file, or it may not be read");

    /// <summary>
    /// Opens a regular file for reading and writing, or makes it, and locks it as <see cref="FileShare.None"/> does. A
    /// symbolic link is not followed.
    /// </summary>
    /// <returns>Null where another process has it locked.</returns>
    /// <exception cref="IOException">It cannot be opened, or is something else.</exception>
    internal static SafeFileHandle? OpenLocked(string path)
    {
        var handle = new SafeFileHandle(OpenOrCreate(path, ReadWrite | Create | NonBlocking | NoFollow | CloseOnExec, ForAll), ownsHandle: true);
        try
        {
            if (handle.IsInvalid)
                throw new IOException(Marshal.GetLastPInvokeError() == IsLink ? $"'{path}' is a symbolic link" : $"'{path}': {Marshal.GetLastPInvokeErrorMessage()}");
            if (StatusOf(handle) is not { } status || (status.Mode & TypeMask) != RegularType)
                throw new IOException($"'{path}' is no regular file");
            /* Some file systems know no locks. */
            if (Lock((int)handle.DangerousGetHandle(), LockAlone | LockWithoutWaiting) == 0 || Marshal.GetLastPInvokeError() != WouldBlock)
                return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
        handle.Dispose();
        return null;
    }

    /// <summary>Opens a directory that is no symbolic link.</summary>
    /// <returns>Null where there is none, or it may not be read.</returns>
    internal static SafeFileHandle? OpenDirectory(string path)
    {
        var handle = new SafeFileHandle(Open(path, ReadOnly | NoFollow | DirectoryOnly | CloseOnExec), ownsHandle: true);
        if (!handle.IsInvalid)
            return handle;
        handle.Dispose();
        return null;
    }

    internal static FileStatus? StatusOf(SafeFileHandle handle) => Status((int)handle.DangerousGetHandle(), out FileStatus status) == 0 ? status : null;

    /// <summary>What tells an open file from all others; null where the kernel does not say.</summary>
    internal static FileIdentity? IdentityOf(SafeFileHandle handle) => StatusOf(handle) is { } status
        ? new FileIdentity(status.Device, status.Inode, status.Size, status.ChangedSeconds, status.ChangedNanos)
        : null;

    /// <summary>What is used of x86-64's struct stat.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 144)]
    internal struct FileStatus
    {
        [FieldOffset(0)]
        public ulong Device;

        [FieldOffset(8)]
        public ulong Inode;

        [FieldOffset(24)]
        public uint Mode;

        [FieldOffset(28)]
        public uint UserId;

        [FieldOffset(48)]
        public long Size;

        [FieldOffset(104)]
        public long ChangedSeconds;

        [FieldOffset(112)]
        public long ChangedNanos;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenOrCreate(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Lock(int descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "fstat")]
    private static partial int Status(int descriptor, out FileStatus status);
}

/// <summary>A file and its state: one that was written to since is another.</summary>
/// <param name="Device">Where it lies.</param>
/// <param name="Inode">Which it is there; not given to another one while the file is open.</param>
/// <param name="Size">Bytes.</param>
/// <param name="ChangedSeconds">When it was last changed.</param>
/// <param name="ChangedNanos">The part of a second.</param>
internal readonly record struct FileIdentity(ulong Device, ulong Inode, long Size, long ChangedSeconds, long ChangedNanos);
