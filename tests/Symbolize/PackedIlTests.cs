using CsCheck;
using DotnetPprof.Model;
using DotnetPprof.Symbolize.Lines;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

/// <summary>What is packed comes out as it went in.</summary>
public class PackedIlTests
{
    private static readonly Gen<uint> s_offset = Gen.OneOf<uint>(Gen.UInt[0, 300], Gen.UInt, Gen.UInt[NativeToIl.Epilog, NativeToIl.NoMapping]);

    private static readonly Gen<IlMapping[]> s_mappings = Gen.Select(s_offset, s_offset, s_offset, (native, inlinee, il) => new IlMapping(native, inlinee, il)).Array[0, 40];

    private static readonly Gen<InlineNode[]> s_nodes =
        Gen.Select(Gen.OneOf<ulong>(Gen.ULong, Gen.ULong[0x7f00_0000_0000, 0x7fff_ffff_ffff]), s_offset, Gen.Int[-1, int.MaxValue - 1], (id, il, parent) => new InlineNode(id, il, parent)).Array[1, 40];

    [Fact]
    public void WhatIsPackedComesOutAsItWentIn() => Gen.Select(s_mappings, s_nodes, Gen.Long, s_offset.Array[1, 40]).Sample((mappings, nodes, time, offsets) =>
    {
        var plain = new NativeToIl(mappings);
        var (map, tree) = PackedIl.Of(mappings, nodes, new MonotonicNanos(time)).Unpack()!.Value;
        Assert.NotNull(tree);
        Assert.Equal(time, tree.Time.Value);
        Assert.Equal(nodes, tree.Nodes);
        Assert.Equal(mappings.Length, map.Count);
        foreach (uint offset in mappings.Select(mapping => mapping.Native).Concat(offsets))
            Assert.Equal(plain.Find(offset), map.Find(offset));
    });

    [Fact]
    public void MappingsOfOnePlaceStayAsTheyCame() =>
        Gen.Select(Gen.OneOf<uint>(Gen.UInt[0, 5], Gen.UInt), Gen.UInt, (native, il) => new IlMapping(native, 0, il)).Array[0, 60].Sample(mappings =>
        {
            IlMapping[] ordered = [.. mappings];
            NativeToIl.Order(ordered);
            Assert.Equal(mappings.OrderBy(mapping => mapping.Native), ordered);
        });

    [Fact]
    public void WithoutInlineesThereIsNoTree()
    {
        PackedIl il = PackedIl.Of([new(0, 0, NativeToIl.Prolog), new(4, 0, 0)]);
        Assert.True(il.IsKnown);
        Assert.Null(il.Unpack()!.Value.Inlined);
        Assert.Equal((0u, 0u), il.Unpack()!.Value.Map.Find(5));
    }

    [Fact]
    public void NothingKnownIsNoIl()
    {
        Assert.False(default(PackedIl).IsKnown);
        Assert.Null(default(PackedIl).Unpack());
        Assert.True(PackedIl.Of([]).IsKnown);
    }

    [Fact]
    public void AnOrdinaryMappingTakesThreeBytes()
    {
        IlMapping[] mappings = [.. Enumerable.Range(0, 100).Select(i => new IlMapping((uint)i * 9, (uint)i % 5, (uint)i))];
        PackedIl il = PackedIl.Of(mappings);
        Assert.InRange(il.Block!.Read(il.At).Length, 300, 304);
    }
}
