using DotnetPprof.Drain;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Region;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Session;

/// <summary>A target's region, mapped. It outlives the target: what was written before a death is still there.</summary>
internal sealed unsafe class MappedRegion : IDisposable
{
    private readonly SafeFileHandle file;
    private readonly byte* address;
    private readonly ulong bytes;
    private bool disposed;

    private MappedRegion(SafeFileHandle file, byte* address, ulong bytes)
    {
        this.file = file;
        this.address = address;
        this.bytes = bytes;
        View = new RegionView(address, bytes, new RegionReach(address, bytes));
    }

    public RegionView View { get; }

    /// <summary>Whether a collector of this number lives that has locked the region.</summary>
    public bool IsLockedBy(ulong owner) => RegionInterop.IsLockedByAnother(file, OwnerByte(owner));

    /// <summary>
    /// Locks an owner's byte until it is unlocked or disposed, or this process ends, however it does. Where nothing can be
    /// locked it is used all the same: its lease is the shorter one.
    /// </summary>
    public void LockFor(ulong owner) => RegionInterop.TryLock(file, OwnerByte(owner));

    public void UnlockFor(ulong owner) => RegionInterop.Unlock(file, OwnerByte(owner));

    /// <summary>The region of the agent in a process; null when it has none (yet).</summary>
    /// <exception cref="UserError">It has one, and it cannot be used.</exception>
    public static MappedRegion? Find(int pid)
    {
        if (ProcFs.Descriptors(pid) is not { } descriptors)
        {
            if (!ProcFs.Exists(pid))
                throw new UserError(ExitCode.SessionCreation, $"process {pid} has ended");
            throw new UserError(
                ExitCode.Platform,
                $"no permission to look into process {pid}: the agent's memory is reached through /proc/{pid}/fd, which takes the same user (and a process that may be dumped) or CAP_SYS_PTRACE; run dotnet-pprof as that user or as root");
        }
        int? inner = null;
        foreach ((string path, string target) in descriptors)
        {
            if (target == RegionAgentProbe.RegionLink && Open(pid, inner ??= ProcFs.InnerPid(pid), path) is { } region)
                return region;
        }
        return null;
    }

    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        RegionInterop.Unmap(address, bytes);
        file.Dispose();
    }

    private static long OwnerByte(ulong owner) => (long)(owner & int.MaxValue);

    private static MappedRegion? Open(int pid, int innerPid, string path)
    {
        SafeFileHandle file;
        bool isKept = false;
        try
        {
            file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError(ExitCode.Platform, $"the agent's memory in process {pid} could not be opened: {e.Message}");
        }
        try
        {
            /* Unsealed, the target could shrink it under us; and the agent seals it once it is complete. */
            if (!RegionInterop.IsSizeSealed(file) || RegionAgentProbe.IsOfAnother(file, innerPid))
                return null;
            ulong length = (ulong)RandomAccess.GetLength(file);
            if (length > 16 * RegionLayout.RingsBytes)
                throw new UserError(ExitCode.SessionCreation, $"the agent's memory in process {pid} claims to have {length} bytes; it is not ours");
            byte* address = RegionInterop.MapShared(file, length);
            if (address is null)
                throw new UserError(ExitCode.SessionCreation, $"the agent's memory in process {pid} could not be mapped ({length >> 20} MiB of address space)");
            try
            {
                var mapped = new MappedRegion(file, address, length);
                isKept = true;
                return mapped;
            }
            catch (RegionFormatException e)
            {
                RegionInterop.Unmap(address, length);
                throw new UserError(ExitCode.SessionCreation, $"process {pid}: {e.Message}");
            }
        }
        finally
        {
            if (!isKept)
                file.Dispose();
        }
    }
}
