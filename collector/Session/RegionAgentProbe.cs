using System.Runtime.InteropServices;
using DotnetPprof.Drain;
using DotnetPprof.Interop;
using DotnetPprof.Region;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Session;

/// <summary>
/// Looks for the agent's region among the process's descriptors and reads two pages of it. A collector holds those of its
/// targets too, and a forked child its parent's: only one with the process's own number in it is its agent's.
/// </summary>
internal sealed class RegionAgentProbe : IAgentProbe
{
    internal const string RegionLink = "/memfd:dotnet-pprof (deleted)";

    public AgentPresence Probe(int pid) => Read(pid, out _, out _);

    public SessionChoices? LastSession(int pid)
    {
        var presence = Read(pid, out var control, out bool displaced);
        return presence is AgentPresence.Asleep or AgentPresence.Sampling && control.Session > 0
            ? new SessionChoices(RegionView.EngineReason(control), ClockChoice.Of(control), displaced)
            : null;
    }

    private static AgentPresence Read(int pid, out RegionControl control, out bool displaced)
    {
        control = default;
        displaced = false;
        if (ProcFs.Descriptors(pid) is not { } descriptors) return AgentPresence.Unknown;
        var unclear = AgentPresence.Absent;
        int? inner = null;
        foreach ((string path, string target) in descriptors)
        {
            if (target != RegionLink) continue;
            AgentPresence found = ReadState(path, inner ??= ProcFs.InnerPid(pid), out control, out displaced);
            if (found is AgentPresence.Asleep or AgentPresence.Sampling) return found;
            if (found != AgentPresence.Absent) unclear = found;
        }

        control = default;
        displaced = false;
        return unclear;
    }

    private static AgentPresence ReadState(string path, int pid, out RegionControl control, out bool displaced)
    {
        control = default;
        displaced = false;
        try
        {
            using var region = FileInterop.OpenRegular(path);
            return ReadState(region, pid, out control, out displaced);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return AgentPresence.Unknown;
        }
    }

    /// <param name="region">Opened for reading.</param>
    /// <param name="pid">In the process's own pid namespace.</param>
    internal static AgentPresence ReadState(SafeFileHandle region, int pid, out RegionControl control, out bool displaced)
    {
        control = default;
        displaced = false;
        if (!TryRead(region, 0, out RegionHeader header)) return AgentPresence.Unknown;
        if (IsOfAnother(header, pid)) return AgentPresence.Absent;
        if (header.Magic != RegionLayout.Magic || header.Abi != RegionLayout.Abi || header.LayoutHash != RegionLayout.LayoutHash)
            return AgentPresence.OtherVersion;
        if (!TryRead(region, header.ControlOffset, out control)
            || !TryRead(region, Math.Min(header.CountersOffset, long.MaxValue) + ((int)Counter.Displaced * sizeof(ulong)), out ulong times))
        {
            return AgentPresence.Unknown;
        }

        displaced = times > 0;
        return control.State == (uint)AgentState.Sampling ? AgentPresence.Sampling : AgentPresence.Asleep;
    }

    /// <summary>Whether a region is the agent's in another process than this one, which samples it or was forked by it.</summary>
    /// <param name="region">Opened for reading.</param>
    /// <param name="pid">In the process's own pid namespace.</param>
    internal static bool IsOfAnother(SafeFileHandle region, int pid) =>
        TryRead(region, 0, out RegionHeader header) && IsOfAnother(header, pid);

    /* Magic and number stand at the same place in all versions. */
    private static bool IsOfAnother(in RegionHeader header, int pid) => header.Magic == RegionLayout.Magic && header.Pid != pid;

    private static bool TryRead<T>(SafeFileHandle region, ulong offset, out T value) where T : unmanaged
    {
        value = default;
        var bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        // Within its real length: what the region says of itself, offsets among it, may be anything.
        return RandomAccess.GetLength(region) - bytes.Length is >= 0 and long last && offset <= (ulong)last
            && RandomAccess.Read(region, bytes, (long)offset) == bytes.Length;
    }
}
