using System.Globalization;
using DotnetPprof.Interop;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Symbolize;

/// <summary>
/// The bytes of code that is in no file: what the runtime compiled or assembled. With W^X, its default, that memory is a
/// memfd which the runtime keeps open, and which whoever may read /proc/PID/fd may read: no tracing permission is asked
/// for, and the bytes stay readable when the target is gone. Without W^X the target's memory is read, while it lives and
/// where ptrace's rules allow it. Belongs to the drain, not thread-safe.
/// </summary>
internal sealed class CodeMemory : IDisposable
{
    private readonly string proc;
    private SafeFileHandle? shared;
    private SafeFileHandle? memory;

    /// <param name="pid">The target, as this process sees it.</param>
    public CodeMemory(int pid)
    {
        proc = "/proc/" + pid.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Takes hold of the runtime's code memory where it is there by now, so that it outlasts the target.</summary>
    public void Keep() => shared ??= OpenShared();

    public void Dispose()
    {
        shared?.Dispose();
        memory?.Dispose();
    }

    /// <summary>Reads what is at an address now.</summary>
    /// <param name="region">What is mapped there.</param>
    /// <param name="address">Inside <paramref name="region"/>.</param>
    /// <param name="into">Filled from the start.</param>
    /// <returns>How many bytes could be read, no more than the region has.</returns>
    public int Read(MapRegion region, ulong address, Span<byte> into)
    {
        if (address - region.Start >= region.End - region.Start) return 0;
        Span<byte> inside = into[..(int)Math.Min((ulong)into.Length, region.End - address)];
        return region.IsRuntimeCode
            ? Read(shared, region.Offset + (address - region.Start), inside)
            : Read(memory ??= Open(proc + "/mem"), address, inside);
    }

    private static int Read(SafeFileHandle? file, ulong offset, Span<byte> into)
    {
        if (file is null || offset > long.MaxValue) return 0;
        try
        {
            return RandomAccess.Read(file, into, (long)offset);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not mapped any more, or the target is gone.
            return 0;
        }
    }

    private static SafeFileHandle? Open(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private SafeFileHandle? OpenShared()
    {
        foreach (int number in NumberedEntries.Of(proc + "/fd") ?? [])
        {
            string path = string.Create(CultureInfo.InvariantCulture, $"{proc}/fd/{number}");
            if (NumberedEntries.Target(path)?.StartsWith(MapRegion.RuntimeCodePrefix, StringComparison.Ordinal) == true) return Open(path);
        }

        return null;
    }
}
