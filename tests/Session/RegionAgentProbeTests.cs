using DotnetPprof.Interop;
using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Tests.Drain;
using DotnetPprof.Tests.Files;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace DotnetPprof.Tests.Session;

/// <summary>What a process holds out as its agent's region is not to be trusted.</summary>
public sealed unsafe class RegionAgentProbeTests : IDisposable
{
    private const int FileBytes = 4 * (int)RegionLayout.Page;

    private readonly FakeRegion region = new();
    private readonly SafeFileHandle file = UnnamedFile.Create();

    public void Dispose()
    {
        region.Dispose();
        file.Dispose();
    }

    [Fact]
    public void WhatTheAgentDoesIsTold()
    {
        Assert.Equal((AgentPresence.Asleep, false), Read());
        region.Control->State = (uint)AgentState.Sampling;
        region.Counters[(int)Counter.Displaced] = 1;
        Assert.Equal((AgentPresence.Sampling, true), Read());
        region.Header->Pid++;
        Assert.Equal((AgentPresence.Absent, false), Read());
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 64)]
    [InlineData(1UL << 63)]
    [InlineData((1UL << 63) - 8)]
    [InlineData((ulong)FileBytes)]
    [InlineData((ulong)FileBytes - 8)]
    public void OffsetsBeyondItAreRefused(ulong offset)
    {
        region.Header->TotalBytes = ulong.MaxValue;
        region.Header->ControlOffset = offset;
        Assert.Equal((AgentPresence.Unknown, false), Read());
        region.Header->ControlOffset = RegionLayout.Page;
        region.Header->CountersOffset = offset;
        Assert.Equal((AgentPresence.Unknown, false), Read());
    }

    /// <summary>It could be cut off while it is read.</summary>
    [Fact]
    public void AFileOnDiskIsNotSealed() => Assert.False(RegionInterop.IsSizeSealed(file));

    private (AgentPresence Presence, bool Displaced) Read()
    {
        RandomAccess.Write(file, new ReadOnlySpan<byte>(region.Memory, FileBytes), 0);
        return (RegionAgentProbe.ReadState(file, FakeRegion.Pid, out _, out bool displaced), displaced);
    }
}
