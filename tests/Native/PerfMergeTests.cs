using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>Rings of several CPUs, read in the order of time.</summary>
public sealed unsafe class PerfMergeTests
{
    private const int RingBytes = 512;
    private const uint Fork = 7;
    private const ulong NoHorizon = ulong.MaxValue;

    [Fact]
    public void RecordsOfAllRingsComeInTheOrderOfTime()
    {
        Rings rings = new([10, 11, 40], [20, 21, 22], [5, 30]);
        Assert.Equal([5, 10, 11, 20, 21, 22, 30, 40], rings.Merge(NoHorizon));
        Assert.Empty(rings.Merge(NoHorizon));
    }

    [Fact]
    public void WhatIsNotBeforeTheHorizonStaysForTheNextRound()
    {
        Rings rings = new([10, 25, 26], [20, 30]);
        Assert.Equal([10, 20], rings.Merge(25));
        Assert.Equal([25, 26], rings.Merge(30));
        Assert.Equal([30], rings.Merge(31));
    }

    /// <summary>A ring is written in no strict order: an interrupt comes between the taking of a time and the writing.</summary>
    [Fact]
    public void RingsOwnOrderIsKept()
    {
        Rings rings = new([10, 9, 12], [11]);
        Assert.Equal([10, 9, 11, 12], rings.Merge(NoHorizon));
    }

    [Fact]
    public void TimeThatIsNoneDoesNotHoldTheOthersUp()
    {
        Rings rings = new([ulong.MaxValue - 1, 10], [5]);
        Assert.Equal([ulong.MaxValue - 1, 5, 10], rings.Merge(100));
    }

    [Fact]
    public void DamagedRingIsPassedOver()
    {
        Rings rings = new([10, 11], [5, 12]);
        rings.Damage(0);
        Assert.Equal([0, 5, 12], rings.Merge(100));
    }

    private sealed class Rings
    {
        private readonly byte[] data;
        private readonly ulong[] heads;
        private readonly ulong[] tails;

        /// <summary>FORK records at these times; what is put begins before the ring's end.</summary>
        internal Rings(params ulong[][] times)
        {
            data = new byte[times.Length * RingBytes];
            heads = [.. times.Select(_ => (ulong)(3 * RingBytes) - 40)];
            tails = [.. heads];
            for (int ring = 0; ring < times.Length; ring++)
            {
                foreach (ulong time in times[ring])
                    /* pids, tids, time; the trailer: pid and tid, time */
                    Put(ring, [Fork | (48UL << 48), 1, 1, time, 1, time]);
            }
        }

        internal ulong[] Merge(ulong horizon)
        {
            var times = new ulong[64];
            uint count;
            fixed (byte* bytes = data)
            fixed (ulong* head = heads, tail = tails, time = times)
                count = Shim.PerfMerge(bytes, (uint)heads.Length, RingBytes, head, tail, horizon, time);
            return times[..(int)count];
        }

        internal void Damage(int ring) => data[(ring * RingBytes) + (int)((tails[ring] + 6) % RingBytes)] = 5;

        private void Put(int ring, ulong[] words)
        {
            foreach (ulong word in words)
            {
                BitConverter.TryWriteBytes(data.AsSpan((ring * RingBytes) + (int)(heads[ring] % RingBytes)), word);
                heads[ring] += 8;
            }
        }
    }
}
