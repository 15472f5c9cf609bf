using System.Runtime.InteropServices;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>
/// Golden stacks. Each is a page of words; frame pointers in the literals are word numbers, so that [2] = Frame(6, ret)
/// reads: the frame at word 2 was called by the one at word 6, and returns to ret. What must not be read at all is
/// checked between guard pages by the walk-bounds scenario of <see cref="HandlerTests"/>.
/// </summary>
[Collection(WalkCollection.Name)]
public sealed unsafe class WalkTests : IDisposable
{
    private const int Words = 2048;
    private const ulong ThreadRoot = 0x7FFF_0001;
    private const ulong MainRoot = 0x7FFF_0002;

    private readonly ulong* stack = (ulong*)NativeMemory.AlignedAlloc(Words * sizeof(ulong), 4096);
    private readonly ulong[] returns = new ulong[RegionLayout.MaxDepth];
    private StopReason stop;
    private ulong wantedSp;

    public WalkTests()
    {
        new Span<ulong>(stack, Words).Clear();
        Shim.SetRoots(ThreadRoot, MainRoot);
    }

    public void Dispose() => NativeMemory.AlignedFree(stack);

    [Fact]
    public void FramePointerOfZeroIsTheRoot()
    {
        Frame(2, At(6), 0xA);
        Frame(6, At(10), 0xB);
        Frame(10, 0, 0xC);
        Assert.Equal([0xA, 0xB, 0xC], Walk(sp: 0, At(2)));
        Assert.Equal(StopReason.Root, stop);
        Assert.Equal(0UL, wantedSp);
    }

    /// <summary>Then rbp may be anything, and nobody's caller is known.</summary>
    [Fact]
    public void NoFrameAtAll()
    {
        Assert.Equal([], Walk(sp: 0, 0));
        Assert.Equal(StopReason.Bounds, stop);
    }

    [Fact]
    public void ReturnAddressOfZeroIsTheRoot()
    {
        Frame(2, At(6), 0xA);
        Frame(6, At(10), 0);
        Assert.Equal([0xA], Walk(sp: 0, At(2)));
        Assert.Equal(StopReason.Root, stop);
    }

    [Theory]
    [InlineData(ThreadRoot)]
    [InlineData(MainRoot)]
    public void KnownRootEndsTheWalkWhateverTheNextFramePointerIs(ulong root)
    {
        Frame(2, At(6), 0xA);
        Frame(6, 0xDEADBEEF, root);
        Assert.Equal([0xA, root], Walk(sp: 0, At(2)));
        Assert.Equal(StopReason.Root, stop);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    public void UnalignedFramePointer(int by)
    {
        Frame(2, At(6) + (ulong)by, 0xA);
        Assert.Equal([0xA], Walk(sp: 0, At(2)));
        Assert.Equal(StopReason.Unaligned, stop);
        Assert.Equal([], Walk(sp: 0, At(2) + (ulong)by));
        Assert.Equal(StopReason.Unaligned, stop);
    }

    [Theory]
    [InlineData(2)] // itself
    [InlineData(3)] // into itself
    [InlineData(0)] // inward
    public void FrameThatIsNotFurtherOut(int next)
    {
        Frame(2, At(next), 0xA);
        Assert.Equal([0xA], Walk(sp: 0, At(2)));
        Assert.Equal(StopReason.NotOutward, stop);
    }

    [Fact]
    public void FramesMayTouch()
    {
        Frame(2, At(4), 0xA);
        Frame(4, 0, 0xB);
        Assert.Equal([0xA, 0xB], Walk(sp: 0, At(2)));
    }

    [Fact]
    public void FirstFrameBelowTheStackPointerIsStale()
    {
        Frame(2, At(6), 0xA);
        Assert.Equal([], Walk(sp: 3, At(2)));
        Assert.Equal(StopReason.NotOutward, stop);
        Frame(3, 0, 0xB);
        Assert.Equal([0xB], Walk(sp: 3, At(3)));
    }

    [Theory]
    [InlineData(14, true)] // the last two words
    [InlineData(15, false)] // its return address would be outside
    [InlineData(16, false)]
    [InlineData(1000, false)]
    public void StackEnd(int frame, bool inside)
    {
        Frame(2, At(frame), 0xA);
        Frame(frame, 0, 0xB);
        Assert.Equal(inside ? [0xA, 0xB] : [0xA], Walk(sp: 0, At(2), high: 16));
        Assert.Equal(inside ? StopReason.Root : StopReason.Bounds, stop);
    }

    [Theory]
    [InlineData(ulong.MaxValue & ~7UL)]
    [InlineData(1UL << 63)]
    public void FramePointerAtTheEndOfTheWorld(ulong fp)
    {
        Assert.Equal([], Walk(sp: 0, fp));
        Assert.Equal(StopReason.Bounds, stop);
    }

    [Theory]
    [InlineData(511, StopReason.Root)]
    [InlineData(512, StopReason.Root)]
    [InlineData(513, StopReason.Depth)]
    [InlineData(600, StopReason.Depth)]
    public void DepthLimit(int frames, StopReason expected)
    {
        for (int i = 0; i < frames; i++)
            Frame(2 * i, i == frames - 1 ? 0 : At(2 * i + 2), (ulong)(0xA000 + i));
        ulong[] walked = Walk(sp: 0, At(0));
        Assert.Equal(Enumerable.Range(0, Math.Min(frames, 512)).Select(i => (ulong)(0xA000 + i)), walked);
        Assert.Equal(expected, stop);
    }

    [Theory]
    [InlineData(0, 0)] // not known yet
    [InlineData(1024, 2048)] // another one
    public void StackThatIsNotKnownIsReadThroughTheKernelAndAskedFor(int low, int high)
    {
        Frame(2, At(6), 0xA);
        Frame(6, At(10), 0xB);
        Frame(10, 0, 0xC);
        ulong[] walked = Walk(sp: 1, At(2), low, high);
        Assert.Equal(At(1), wantedSp);
        Assert.SkipWhen(stop == StopReason.Unreadable && walked.Length == 0, "process_vm_readv is refused here");
        Assert.Equal([0xA, 0xB, 0xC], walked);
        Assert.Equal(StopReason.Root, stop);
    }

    [Fact]
    public void MemoryThatCannotBeReadEndsTheWalkOfAnUnknownStack()
    {
        const ulong Nowhere = 0x1000;
        Assert.Equal([], WalkAt(low: 0, high: 0, Nowhere, Nowhere + 64));
        Assert.Equal(StopReason.Unreadable, stop);
        Assert.Equal(Nowhere, wantedSp);
    }

    [Fact]
    public void UnknownStackIsWalkedOnlySoFarOut()
    {
        Frame(2, At(2) + (17UL << 20), 0xA);
        ulong[] walked = Walk(sp: 0, At(2), high: 0);
        Assert.SkipWhen(stop == StopReason.Unreadable, "process_vm_readv is refused here");
        Assert.Equal([0xA], walked);
        Assert.Equal(StopReason.Bounds, stop);
    }

    private ulong At(int word) => (ulong)(stack + word);

    private void Frame(int word, ulong next, ulong ret) => (stack[word], stack[word + 1]) = (next, ret);

    private ulong[] Walk(int sp, ulong fp, int low = 0, int high = Words) =>
        WalkAt(At(low), high == 0 ? 0 : At(high), At(sp), fp);

    private ulong[] WalkAt(ulong low, ulong high, ulong sp, ulong fp)
    {
        ushort reason;
        ulong wanted;
        uint depth;
        fixed (ulong* into = returns)
            depth = Shim.Walk(low, high, sp, fp, into, &reason, &wanted);
        (stop, wantedSp) = ((StopReason)reason, wanted);
        return returns[..(int)depth];
    }
}
