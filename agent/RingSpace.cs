using System.Numerics;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>A ring's place in the rings section, in records.</summary>
/// <param name="Start">The first record.</param>
/// <param name="Records">A power of two; 0: no ring.</param>
internal readonly record struct RingBlock(uint Start, uint Records)
{
    internal ulong OffsetBytes => (ulong)Start * RingSpace.RecordBytes;

    internal ulong Bytes => (ulong)Records * RingSpace.RecordBytes;
}

/// <summary>
/// Shares out the memory that a session's rings may take. A ring holds a second of the rate while there is plenty of
/// room, and the less the fuller it gets, down to a tenth of a second: no more threads than there are cores fill theirs
/// at a time. Blocks are powers of two that halve and join again (buddies), so that lengths can be mixed.
/// </summary>
internal sealed class RingSpace
{
    internal const uint RecordBytes = 32;

    /// <summary>One page of memory.</summary>
    internal const uint SmallestRecords = RegionLayout.Page / RecordBytes;

    private const uint UsualRecords = 1024;
    private const ulong LongestNs = 1_000_000_000;
    private const ulong ShortestNs = 100_000_000;

    /* A ring takes at most this share of what is left, so that there is something for threads yet to come. */
    private const uint Share = 32;
    private const uint Megabyte = (1u << 20) / RecordBytes;
    private const int Orders = 32;

    /* By the logarithm of their length: where free blocks begin. */
    private readonly HashSet<uint>[] _free = [.. Enumerable.Range(0, Orders).Select(_ => new HashSet<uint>())];
    private uint _most;
    private uint _least;

    /// <summary>Records that no ring has.</summary>
    internal uint FreeRecords { get; private set; }

    /// <summary>All is free, but what is still in use.</summary>
    /// <param name="periodNs">Between two samples of a busy thread.</param>
    /// <param name="megabytes">What all rings together may take.</param>
    /// <param name="kept">Blocks that are not to be given away.</param>
    internal void Begin(ulong periodNs, uint megabytes, IReadOnlyCollection<RingBlock> kept)
    {
        foreach (HashSet<uint> blocks in _free)
            blocks.Clear();
        FreeRecords = 0;
        _most = Math.Max(UsualRecords, Records(LongestNs / periodNs));
        _least = Math.Max(SmallestRecords, Records(ShortestNs / periodNs));
        uint all = (uint)Math.Min((ulong)megabytes * Megabyte, RegionLayout.RingsBytes / RecordBytes);
        for (uint start = 0; start < all;)
        {
            uint records = 1u << BitOperations.Log2(all - start);
            Add(new RingBlock(start, records), kept);
            start += records;
        }
    }

    /// <param name="others">Threads that are to get a ring right after this one.</param>
    /// <returns>False when there is no room for even a short ring.</returns>
    internal bool TryTake(int others, out RingBlock block)
    {
        uint fair = FreeRecords / Math.Max(Share, 2 * (uint)others);
        uint wanted = Math.Clamp(fair == 0 ? 0 : 1u << BitOperations.Log2(fair), _least, _most);
        for (; wanted >= _least; wanted /= 2)
        {
            if (TryTake(wanted, out block))
                return true;
        }
        block = default;
        return false;
    }

    internal void Give(RingBlock block)
    {
        FreeRecords += block.Records;
        while (block.Records < 1u << (Orders - 1) && _free[BitOperations.Log2(block.Records)].Remove(block.Start ^ block.Records))
            block = new RingBlock(block.Start & ~block.Records, block.Records * 2);
        _free[BitOperations.Log2(block.Records)].Add(block.Start);
    }

    private static uint Records(ulong samples) => (uint)BitOperations.RoundUpToPowerOf2(Math.Min(samples, RegionLayout.RingsBytes / RecordBytes));

    private bool TryTake(uint records, out RingBlock block)
    {
        for (int order = BitOperations.Log2(records); order < Orders; order++)
        {
            foreach (uint start in _free[order])
            {
                _free[order].Remove(start);
                for (uint half = (1u << order) / 2; half >= records; half /= 2)
                    _free[BitOperations.Log2(half)].Add(start + half);
                FreeRecords -= records;
                block = new RingBlock(start, records);
                return true;
            }
        }
        block = default;
        return false;
    }

    private void Add(RingBlock block, IReadOnlyCollection<RingBlock> kept)
    {
        if (!kept.Any(other => other.Start < block.Start + block.Records && block.Start < other.Start + other.Records))
        {
            Give(block);
        }
        else if (block.Records > SmallestRecords)
        {
            Add(new RingBlock(block.Start, block.Records / 2), kept);
            Add(new RingBlock(block.Start + (block.Records / 2), block.Records / 2), kept);
        }
    }
}
