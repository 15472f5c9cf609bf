using System.Runtime.InteropServices;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>Walks by learned rules. Stacks are a page of words, as in <see cref="WalkTests"/>; code is nowhere.</summary>
[Collection(WalkCollection.Name)]
public sealed unsafe class RuleTests : IDisposable
{
    private const int Words = 512;
    private const ulong Code = 0x7F00_1234_5000;
    private const ulong Outer = 0x7F00_9999_0000;

    private readonly ulong* stack = (ulong*)NativeMemory.AlignedAlloc(Words * sizeof(ulong), 4096);
    private readonly ulong[] returns = new ulong[RegionLayout.MaxDepth];
    private StopReason stop;

    public RuleTests()
    {
        new Span<ulong>(stack, Words).Clear();
        Assert.Equal(1u, Shim.BeginRules());
    }

    public void Dispose()
    {
        Shim.EndRules();
        NativeMemory.AlignedFree(stack);
    }

    [Fact]
    public void LeafWithoutFrameHasItsCallerOnTopOfTheStack()
    {
        Publish(Here(4, cfa: 8));
        stack[10] = Outer;
        Frame(20, 0, 0xB);
        Assert.Equal([Outer, 0xB], Walk(Code + 4, sp: 10, fp: 20));
        /* Any other instruction is stepped by frame pointer. */
        Assert.Equal([0xB], Walk(Code + 5, sp: 10, fp: 20));
    }

    [Fact]
    public void BlockOf32BytesHasOneRule()
    {
        Publish(new RegionRule { Offset = 32, Cfa = 24, Kind = (byte)RuleKind.Block });
        stack[12] = Outer;
        Frame(20, 0, 0xB);
        Assert.Equal([Outer, 0xB], Walk(Code + 32, sp: 10, fp: 20));
        Assert.Equal([Outer, 0xB], Walk(Code + 63, sp: 10, fp: 20));
        Assert.Equal([0xB], Walk(Code + 64, sp: 10, fp: 20));
    }

    [Fact]
    public void CallerWithoutFrameIsSteppedFromWhereItsCalleeEnded()
    {
        Publish(new RegionRule { Offset = 6, Cfa = 16, Kind = (byte)RuleKind.Return });
        Frame(10, At(20), Code + 6); /* the callee heads a frame; its caller, which does not, begins at word 12 */
        stack[13] = Outer;
        Frame(20, 0, 0xB);
        Assert.Equal([Code + 6, Outer, 0xB], Walk(0xA, sp: 5, fp: 10));
    }

    [Fact]
    public void SavedFramePointerIsTakenFromTheStack()
    {
        Publish(new RegionRule { Offset = 1, Cfa = 32, SavedRbp = 16, Kind = (byte)RuleKind.Here });
        (stack[12], stack[13]) = (At(20), Outer);
        Frame(20, 0, 0xB);
        Assert.Equal([Outer, 0xB], Walk(Code + 1, sp: 10, fp: 99));
    }

    [Fact]
    public void OsrBodysCallerIsFarAboveItsFramePointer()
    {
        Publish(new RegionRule { Offset = 1, Cfa = 80, SavedRbp = 16, FromRbp = 1, Kind = (byte)RuleKind.Here });
        Frame(10, At(40), 0xDEAD); /* what frame pointers would take for the caller */
        (stack[18], stack[19]) = (At(40), Outer);
        Frame(40, 0, 0xB);
        Assert.Equal([Outer, 0xB], Walk(Code + 1, sp: 6, fp: 10));
    }

    [Fact]
    public void RuleThatLeadsOffTheStackEndsTheWalk()
    {
        Publish(Here(1, cfa: 16 << 20), Here(2, cfa: 4096));
        Assert.Empty(Walk(Code + 1, sp: 10, fp: 20));
        Assert.Equal(StopReason.Bounds, stop);
        Publish(new RegionRule { Offset = 3, Cfa = 8, FromRbp = 1, Kind = (byte)RuleKind.Here });
        Assert.Empty(Walk(Code + 3, sp: 10, fp: 2));
        Assert.Equal(StopReason.NotOutward, stop);
    }

    [Fact]
    public void CodeThatWentTakesItsRulesAlong()
    {
        Publish(Here(4, cfa: 8), new RegionRule { Offset = 6, Cfa = 16, Kind = (byte)RuleKind.Return }, new RegionRule { Offset = 32, Cfa = 24, Kind = (byte)RuleKind.Block });
        Shim.ClearRules(Code, Code + 64);
        stack[10] = Outer;
        Frame(20, 0, 0xB);
        Assert.Equal([0xB], Walk(Code + 4, sp: 10, fp: 20));
        Assert.Equal([0xB], Walk(Code + 40, sp: 10, fp: 20));
        Frame(10, At(20), Code + 6);
        Assert.Equal([Code + 6, 0xB], Walk(0xA, sp: 5, fp: 10));
    }

    [Fact]
    public void FullTableSaysSoAndKeepsWhatItHas()
    {
        uint refused = 0;
        for (ulong i = 0; i < 700_000; i++)
        {
            RegionRule rule = Here(0, cfa: 8);
            refused += Shim.PublishRules(Code + (i * 5), &rule, 1);
        }
        Assert.InRange(refused, 150_000u, 400_000u);
        stack[10] = Outer;
        Frame(20, 0, 0xB);
        Assert.Equal([Outer, 0xB], Walk(Code, sp: 10, fp: 20));
    }

    private static RegionRule Here(uint offset, int cfa) => new() { Offset = offset, Cfa = cfa, Kind = (byte)RuleKind.Here };

    private static void Publish(params ReadOnlySpan<RegionRule> rules)
    {
        fixed (RegionRule* first = rules)
            Assert.Equal(0u, Shim.PublishRules(Code, first, (uint)rules.Length));
    }

    private ulong At(int word) => (ulong)(stack + word);

    private void Frame(int word, ulong next, ulong ret) => (stack[word], stack[word + 1]) = (next, ret);

    private ulong[] Walk(ulong ip, int sp, int fp)
    {
        ushort reason;
        uint depth;
        fixed (ulong* into = returns)
            depth = Shim.WalkFrom(At(0), At(Words), ip, At(sp), At(fp), into, &reason);
        stop = (StopReason)reason;
        return returns[..(int)depth];
    }
}
