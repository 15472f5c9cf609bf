using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>The kernel's records as literal words, in a ring of 512 bytes; and what becomes of them.</summary>
[Collection(WalkCollection.Name)]
public sealed unsafe class PerfRecordTests
{
    private const int RingBytes = 512;
    private const uint Lost = 2, Exit = 4, Throttle = 5, Fork = 7, Sample = 9, LostSamples = 13;
    private const uint KernelMode = 1, UserMode = 2;
    private const int Registers = 17;
    private const int Sp = 7, Bp = 6, Ip = 8;

    private readonly byte[] ring = new byte[RingBytes];
    private ulong head;
    private ulong tail;

    [Theory]
    [InlineData(0)]
    [InlineData(RingBytes - 8)] // the header alone before the end
    [InlineData(RingBytes - 64)] // in its midst
    [InlineData(RingBytes - 232)] // it just fits
    public void SampleIsReadWhereverItLies(int at)
    {
        head = tail = (ulong)at + (7 * RingBytes);
        Put(Sample, UserMode, SampleWords(stack: [0x11, 0x22], valid: 16));
        Assert.Equal([Sample, 0xA1, 22, 0, 1000, 500, 116, 16, 0x11, 0, 0, 0, 0], Next()!);
        Assert.Equal(head, tail);
        Assert.Null(Next());
    }

    [Theory]
    [InlineData(KernelMode, 1)]
    [InlineData(UserMode, 0)]
    [InlineData(0x4000 | KernelMode, 1)] // PERF_RECORD_MISC_EXACT_IP beside it
    public void KernelIsToldFromUser(uint misc, ulong inKernel)
    {
        Put(Sample, misc, SampleWords(stack: [0x11], valid: 8));
        Assert.Equal(inKernel, Next()![3]);
    }

    [Theory]
    [InlineData(0, 0)] // nothing could be copied
    [InlineData(8, 8)]
    [InlineData(99, 16)] // more than there is
    public void OnlyTheValidPartOfTheStackCounts(ulong valid, ulong expected)
    {
        Put(Sample, UserMode, SampleWords(stack: [0x11, 0x22], valid));
        Assert.Equal(expected, Next()![7]);
    }

    [Fact]
    public void ThreadWithoutUserRegistersOrStack()
    {
        Put(Sample, KernelMode, [0xA1, Pair(21, 22), 1000, 500, 0, 0]);
        Assert.Equal([Sample, 0xA1, 22, 1, 1000, 500, 0, 0, 0, 0, 0, 0, 0], Next()!);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(6)] // cut off in the registers
    [InlineData(23)] // before the stack
    [InlineData(25)] // before its valid size
    public void SampleThatIsCutShortIsDamaged(int words)
    {
        Put(Sample, UserMode, SampleWords(stack: [0x11, 0x22], valid: 16)[..words]);
        Put(Throttle, 0, [1, 2, 3]);
        Assert.Equal(0UL, Next()![0]);
        Assert.Equal(Throttle, Next()![0]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)] // shorter than a header
    [InlineData(12)] // no multiple of eight
    [InlineData(400)] // longer than what was written
    public void SizeThatMakesNoSenseEndsTheRound(ushort size)
    {
        Put(Throttle, 0, [1, 2, 3]);
        Put(Throttle, 0, [1, 2, 3]);
        BitConverter.TryWriteBytes(ring.AsSpan(6), size);
        Assert.Equal(0UL, Next()![0]);
        Assert.Equal(head, tail);
        Assert.Null(Next());
    }

    [Fact]
    public void ThreadsThatBeginAndEnd()
    {
        Put(Fork, 0, [Pair(1, 1), Pair(30, 31), 77]);
        Put(Exit, 0, [Pair(1, 1), Pair(30, 31), 78]);
        Assert.Equal([Fork, 30, 31, 77], Picked(Next()!, 0, 9, 10, 11));
        Assert.Equal([Exit, 30, 31, 78], Picked(Next()!, 0, 9, 10, 11));
    }

    [Fact]
    public void Losses()
    {
        Put(Lost, 0, [5, 17]);
        Put(LostSamples, 0, [18]);
        Put(Lost, 0, [5]);
        Assert.Equal([Lost, 17], Picked(Next()!, 0, 12));
        Assert.Equal([LostSamples, 18], Picked(Next()!, 0, 12));
        Assert.Equal(0UL, Next()![0]);
    }

    [Fact]
    public void CopiedStackIsWalkedByFramePointers()
    {
        const ulong Stack = 0x7000_0000;
        Assert.Equal([0xA, 0xB], Walk(Stack, Stack + 16, [0, 0, Stack + 32, 0xA, 0, 0xB], out StopReason stop));
        Assert.Equal(StopReason.Root, stop);
    }

    [Theory]
    [InlineData(48, StopReason.CopyShort)] // the next frame is just beyond the copy
    [InlineData(40, StopReason.CopyShort)] // and half beyond it
    [InlineData(17 << 20, StopReason.Bounds)] // that is no stack
    [InlineData(8, StopReason.NotOutward)]
    [InlineData(33, StopReason.Unaligned)]
    public void CopiedStackThatEndsBeforeTheRoot(int next, StopReason expected)
    {
        const ulong Stack = 0x7000_0000;
        Assert.Equal([0xAUL], Walk(Stack, Stack + 16, [0, 0, Stack + (ulong)next, 0xA, 0, 0xB], out StopReason stop));
        Assert.Equal(expected, stop);
    }

    /// <summary>The leaf is where a handler returns to: on top of the stack is the ucontext_t of what was interrupted.</summary>
    [Theory]
    [InlineData(256, 272, StopReason.Root)]
    [InlineData(8 * 40, 8 * 41, StopReason.CopyShort)] // just beyond the copy
    [InlineData(-4096, -4000, StopReason.OtherStack)]
    [InlineData(1 << 20, (1 << 20) + 16, StopReason.OtherStack)]
    [InlineData(1L << 40, (1L << 40) + 16, StopReason.OtherStack)]
    public void InterruptedCodeIsNamedWhateverStackItWasOn(long sp, long fp, StopReason expected)
    {
        const ulong Stack = 0x7000_0000;
        Assert.Equal(1u, Shim.BeginRules());
        try
        {
            var words = new ulong[40];
            (words[15], words[20], words[21]) = (Stack + (ulong)fp, Stack + (ulong)sp, 0x5000); // rbp, rsp, rip
            (words[34], words[35]) = (0, 0xB);
            ulong[] returns = Walk(Stack, fp: 3, words, out StopReason stop, ip: Shim.SignalReturn());
            Assert.Equal(expected == StopReason.Root ? [0x5001UL, 0xB] : [0x5001UL], returns);
            Assert.Equal(expected, stop);
        }
        finally
        {
            Shim.EndRules();
        }
    }

    [Fact]
    public void ThreadsAreFoundAgain()
    {
        var random = new Random(7);
        uint[] tids = [.. Enumerable.Range(0, 20_000).Select(_ => (uint)random.Next(1, 4_000_000)).Distinct()];
        fixed (uint* first = tids)
            Assert.Equal(0u, Shim.PerfThreads(first, (uint)tids.Length, 3));
    }

    private static ulong Pair(uint low, uint high) => low | ((ulong)high << 32);

    private static ulong[] Picked(ulong[] fields, params int[] indices) => [.. indices.Select(i => fields[i])];

    /// <summary>ip, pid and tid, time, period, the registers' ABI, they, the stack's size, it, its valid size.</summary>
    private static ulong[] SampleWords(ulong[] stack, ulong valid) =>
        [0xA1, Pair(21, 22), 1000, 500, 2, .. Enumerable.Range(0, Registers).Select(i => 100UL + (ulong)i), (ulong)stack.Length * 8, .. stack, valid];

    private static ulong[] Walk(ulong sp, ulong fp, ulong[] words, out StopReason stop, ulong ip = 0x1234)
    {
        var registers = new ulong[Registers];
        (registers[Sp], registers[Bp], registers[Ip]) = (sp, fp, ip);
        var returns = new ulong[RegionLayout.MaxDepth + 64];
        ushort reason;
        uint depth;
        Shim.SetRoots(1, 2);
        fixed (ulong* register = registers, word = words, into = returns)
            depth = Shim.PerfWalk(register, (byte*)word, (ulong)words.Length * 8, into, &reason);
        stop = (StopReason)reason;
        return returns[..(int)depth];
    }

    private void Put(uint type, uint misc, ulong[] words)
    {
        PutWord(type | ((ulong)misc << 32) | ((ulong)(8 + (words.Length * 8)) << 48));
        foreach (ulong word in words)
            PutWord(word);
    }

    private void PutWord(ulong word)
    {
        BitConverter.TryWriteBytes(ring.AsSpan((int)(head % RingBytes)), word);
        head += 8;
    }

    private ulong[]? Next()
    {
        var fields = new ulong[13];
        ulong position = tail;
        int found;
        fixed (byte* data = ring)
        {
            fixed (ulong* into = fields)
                found = Shim.PerfNext(data, RingBytes, head, &position, into);
        }
        tail = position;
        return found != 0 ? fields : null;
    }
}
