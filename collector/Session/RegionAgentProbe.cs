using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DotnetPprof.Region;

namespace DotnetPprof.Session;

/// <summary>Looks for the agent's region among the process's descriptors and reads two pages of it.</summary>
internal sealed class RegionAgentProbe : IAgentProbe
{
    internal const string RegionLink = "/memfd:dotnet-pprof (deleted)";

    public AgentPresence Probe(int pid) => Read(pid, out _);

    public ClockChoice? Clock(int pid)
    {
        var presence = Read(pid, out var control);
        return presence is AgentPresence.Asleep or AgentPresence.Sampling && control.Session > 0 ? ClockChoice.Of(control) : null;
    }

    private static AgentPresence Read(int pid, out RegionControl control)
    {
        control = default;
        if (ProcFs.Descriptors(pid) is not { } descriptors) return AgentPresence.Unknown;
        foreach ((string path, string target) in descriptors)
        {
            if (target == RegionLink) return ReadState(path, out control);
        }

        return AgentPresence.Absent;
    }

    private static AgentPresence ReadState(string path, out RegionControl control)
    {
        control = default;
        try
        {
            using var handle = File.OpenHandle(path);
            if (!TryRead(handle, 0, out RegionHeader header)) return AgentPresence.Unknown;
            if (header.Magic != RegionLayout.Magic || header.Abi != RegionLayout.Abi || header.LayoutHash != RegionLayout.LayoutHash)
                return AgentPresence.OtherVersion;
            if (header.ControlOffset > header.TotalBytes || !TryRead(handle, (long)header.ControlOffset, out control))
                return AgentPresence.Unknown;
            return control.State == (uint)AgentState.Sampling ? AgentPresence.Sampling : AgentPresence.Asleep;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return AgentPresence.Unknown;
        }
    }

    private static bool TryRead<T>(Microsoft.Win32.SafeHandles.SafeFileHandle handle, long offset, out T value) where T : unmanaged
    {
        value = default;
        var bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        return RandomAccess.Read(handle, bytes, offset) == Unsafe.SizeOf<T>();
    }
}
