using System.Runtime.InteropServices;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>Chains of return addresses and their ids, over small tables and arenas.</summary>
public sealed unsafe class ChainStoreTests : IDisposable
{
    private readonly List<nint> memory = [];
    private byte* arena;
    private nuint arenaBytes;
    private void* store;

    public void Dispose()
    {
        if (store is not null)
            Shim.FreeStore(store);
        memory.ForEach(block => NativeMemory.Free((void*)block));
    }

    [Fact]
    public void SameChainSameIdOthersOthers()
    {
        Begin(table: 64, bytes: 4096);
        uint first = Intern(0xA, 0xB, 0xC);
        Assert.Equal(1U, first);
        Assert.Equal(first, Intern(0xA, 0xB, 0xC));
        Assert.NotEqual(first, Intern(0xA, 0xB, 0xD));
        Assert.NotEqual(first, Intern(0xA, 0xB));
        Assert.NotEqual(first, Intern(0xC, 0xB, 0xA));
        Assert.Equal([0xA, 0xB, 0xC], Read(first));
        Assert.Equal([0xA, 0xB], Read(Intern(0xA, 0xB)));
    }

    [Fact]
    public void RecordsStandOneBehindTheOtherOnWholeUnits()
    {
        Begin(table: 64, bytes: 4096);
        Assert.Equal(1U, Intern(0xA)); /* 16 + 8, on 16: two units */
        Assert.Equal(3U, Intern(0xA, 0xB)); /* 16 + 16: two units */
        Assert.Equal(5U, Intern(0xA, 0xB, 0xC));
        Assert.Equal(8 * RegionLayout.ChainUnit, Shim.StoreUsed(store));
    }

    [Fact]
    public void FullArenaGivesZeroAndKeepsItsChains()
    {
        /* The unit that no chain has, and three chains of one caller. */
        Begin(table: 64, bytes: 16 + 3 * 32);
        uint[] ids = [Intern(1), Intern(2), Intern(3)];
        Assert.Equal([1, 3, 5], ids);
        for (ulong i = 4; i < 1000; i++)
            Assert.Equal(0U, Intern(i));
        Assert.Equal(0U, Intern(1, 2, 3));
        Assert.Equal((ulong)arenaBytes, Shim.StoreUsed(store));
        uint[] again = [Intern(1), Intern(2), Intern(3)];
        Assert.Equal(ids, again);
        AssertNothingBehind();
    }

    [Fact]
    public void FullTableGivesZeroAndWritesNothing()
    {
        /* Fewer entries than are probed: all of them are reached from everywhere. */
        Begin(table: 8, bytes: 4096);
        uint[] ids = [.. Enumerable.Range(1, 8).Select(i => Intern((ulong)i))];
        Assert.Equal(8, ids.Distinct().Count());
        Assert.DoesNotContain(0U, ids);
        ulong used = Shim.StoreUsed(store);
        for (ulong i = 9; i < 100; i++)
            Assert.Equal(0U, Intern(i));
        Assert.Equal(used, Shim.StoreUsed(store));
        Assert.Equal(ids, Enumerable.Range(1, 8).Select(i => Intern((ulong)i)));
    }

    [Fact]
    public void DeepestChainFits()
    {
        Begin(table: 64, bytes: 16 + 16 + RegionLayout.MaxDepth * sizeof(ulong));
        ulong[] deepest = [.. Enumerable.Range(0, (int)RegionLayout.MaxDepth).Select(i => 0x1000UL + (ulong)i)];
        Assert.Equal(1U, Intern(deepest));
        Assert.Equal(deepest, Read(1));
        AssertNothingBehind();
    }

    /// <summary>Another process can write into the arena: what it does to a chain must not lead past the arena's end.</summary>
    [Fact]
    public void WordsChangedInTheArenaAreComparedAndNotBelieved()
    {
        Begin(table: 8, bytes: 4096);
        uint id = Intern(0xA, 0xB);
        var random = new Random(1);
        for (int round = 0; round < 20_000; round++)
        {
            arena[random.Next((int)arenaBytes)] = (byte)random.Next(256);
            uint depth = (uint)random.Next(1, 4);
            ulong[] chain = [(ulong)random.Next(3), 0xB, 0xC];
            uint got = Intern(chain[..(int)depth]);
            Assert.True(got * (ulong)RegionLayout.ChainUnit < arenaBytes);
        }
        Assert.Equal(1U, id);
        AssertNothingBehind();
    }

    [Fact]
    public void ThreadsThatInternTheSameChainsAgree()
    {
        const int Chains = 3000;
        const int Workers = 4;
        Begin(table: 1 << 14, bytes: 1 << 20);
        var ids = new uint[Workers][];
        int changed = 0;
        var start = new Barrier(Workers);
        var threads = Enumerable.Range(0, Workers).Select(worker => new Thread(() =>
        {
            var mine = new uint[Chains];
            start.SignalAndWait();
            for (int pass = 0; pass < 2; pass++)
            {
                for (int i = 0; i < Chains; i++)
                {
                    /* Each begins elsewhere, so that some lead here and others there. */
                    int chain = (i + worker * Chains / 8) % Chains;
                    uint id = Intern(ChainOf(chain));
                    if (pass > 0 && mine[chain] != id)
                        Interlocked.Increment(ref changed);
                    mine[chain] = id;
                }
            }
            ids[worker] = mine;
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());

        Assert.Equal(0, changed);
        for (int chain = 0; chain < Chains; chain++)
        {
            Assert.NotEqual(0U, ids[0][chain]);
            Assert.All(ids, mine => Assert.Equal(ids[0][chain], mine[chain]));
            Assert.Equal(ChainOf(chain), Read(ids[0][chain]));
        }
        Assert.Equal(Chains, ids[0].Distinct().Count());
    }

    [Fact]
    public void ThreadsThatFillTheStoreNeverGetAWrongChain()
    {
        const int Workers = 4;
        Begin(table: 256, bytes: 8192);
        var wrong = 0;
        var full = 0;
        var threads = Enumerable.Range(0, Workers).Select(worker => new Thread(() =>
        {
            var random = new Random(worker);
            for (int i = 0; i < 20_000; i++)
            {
                int chain = random.Next(400);
                uint id = Intern(ChainOf(chain));
                if (id == 0)
                    Interlocked.Increment(ref full);
                else if (!Read(id).SequenceEqual(ChainOf(chain)))
                    Interlocked.Increment(ref wrong);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.Equal(0, wrong);
        Assert.True(full > 0);
        AssertNothingBehind();
    }

    private static ulong[] ChainOf(int number) =>
        [.. Enumerable.Range(0, 1 + number % 7).Select(i => 0x7F00_0000_0000UL + (ulong)(number * 8 + i))];

    private void Begin(ulong table, ulong bytes)
    {
        arenaBytes = (nuint)bytes;
        arena = (byte*)NativeMemory.AlignedAlloc(arenaBytes + 16, 16);
        new Span<byte>(arena, (int)arenaBytes + 16).Fill(0x5E);
        memory.Add((nint)arena);
        store = Shim.NewStore(table, arena, bytes);
    }

    private uint Intern(params ulong[] returns)
    {
        fixed (ulong* words = returns)
            return Shim.Intern(store, words, (uint)returns.Length);
    }

    private ulong[] Read(uint id)
    {
        RegionChain* chain = (RegionChain*)(arena + (nuint)id * RegionLayout.ChainUnit);
        return new Span<ulong>(chain + 1, (int)chain->Depth).ToArray();
    }

    private void AssertNothingBehind() =>
        Assert.Equal(-1, new ReadOnlySpan<byte>(arena + arenaBytes, 16).IndexOfAnyExcept((byte)0x5E));
}
