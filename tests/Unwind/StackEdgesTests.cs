using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Unwind;
using Xunit;

namespace DotnetPprof.Tests.Unwind;

/// <summary>Which callers are believed.</summary>
public sealed class StackEdgesTests
{
    private static readonly Function s_name = new("M", "M()", "", 0);
    private static readonly MonotonicNanos s_now = new(1);

    private readonly CodeMap map = new();
    private readonly LearnedCodes learned;
    private readonly FakeMemory memory = new();
    private readonly StackEdges edges;

    public StackEdgesTests()
    {
        learned = new LearnedCodes(map);
        edges = new StackEdges(map, learned, new CallTargets(map, memory));
        Method(
            id: 1, 0x1000, leavesByJump: false,
            Call(0x1010, 0x2000), new CallSite(0x20, 0), Call(0x1030, 0x9000), Call(0x1040, 0x3000),
            Through(0x1050, 0xC000), Through(0x1060, 0xC008), Through(0x1070, 0xC010), Through(0x1080, 0xC018));
        Method(id: 2, 0x2000, leavesByJump: false);
        Method(id: 3, 0x3000, leavesByJump: true);
    }

    [Fact]
    public void CallThatNamesTheCalleeProvesIt() => Assert.Equal(EdgeVerdict.Proven, Check(0x2005, 0x1010));

    [Fact]
    public void CallThroughPointerOrStubIsPossible()
    {
        Assert.Equal(EdgeVerdict.Possible, Check(0x2005, 0x1020));
        Assert.Equal(EdgeVerdict.Possible, Check(0x2005, 0x1030));
    }

    [Fact]
    public void CallOfAnotherIsImpossibleUnlessThatOneJumpsOn()
    {
        Assert.Equal(EdgeVerdict.Impossible, Check(0x3005, 0x1010));
        Assert.Equal(EdgeVerdict.Possible, Check(0x2005, 0x1040));
    }

    [Fact]
    public void WhereThereIsNoCallThereIsNoCaller() => Assert.Equal(EdgeVerdict.Impossible, Check(0x2005, 0x1018));

    [Fact]
    public void CellNamesTheCalleeByItselfOrThroughPrecode()
    {
        memory.Words[0xC000] = 0x2000;
        memory.Words[0xC008] = 0x7000; /* jmp [0xD000] */
        memory.Code[0x7000] = [0xFF, 0x25, 0xFA, 0x5F, 0, 0];
        memory.Words[0xD000] = 0x2000;
        memory.Words[0xC010] = 0x7100; /* another stub */
        memory.Code[0x7100] = [0x4C, 0x8B, 0x15, 0, 0, 0];
        foreach (ulong ret in new ulong[] { 0x1050, 0x1060 })
        {
            Assert.Equal(EdgeVerdict.Proven, Check(0x2005, ret));
            Assert.Equal(EdgeVerdict.Impossible, Check(0x3005, ret));
            Assert.Equal(EdgeVerdict.Possible, Check(0x7777, ret));
        }
        Assert.Equal(EdgeVerdict.Possible, Check(0x3005, 0x1070));
        Assert.Equal(EdgeVerdict.Possible, Check(0x3005, 0x1080));
    }

    [Fact]
    public void MethodThatJumpsOnInAnyOfItsBodiesMayHaveHandedItsCallerOn()
    {
        memory.Words[0xC000] = 0x2000;
        Method(id: 2, 0x2200, leavesByJump: true);
        Assert.Equal(EdgeVerdict.Possible, Check(0x3005, 0x1050));
    }

    [Fact]
    public void NativeCalleeIsCalledTooUnlessItIsWhereASignalReturns()
    {
        Assert.Equal(EdgeVerdict.Impossible, Check(0x7777, 0x1018));
        learned.Add(new LearnedCode(new CodeToLearn(0x7777, 1, null, DotnetPprof.Unwind.CodeKind.NativeCall), PackedFrames.OfSignalReturn, s_now));
        Assert.Equal(EdgeVerdict.Possible, Check(0x7777, 0x1018));
    }

    [Fact]
    public void NothingIsSaidOfCodeThatIsNotKnown() => Assert.Equal(EdgeVerdict.Possible, Check(0x2005, 0x8888));

    [Fact]
    public void WhereThereIsNoCodeThereIsNoFrame() => Assert.Equal(EdgeVerdict.Nowhere, Check(0x7777, 0x7F00_0000_8888));

    private static CallSite Call(int ret, int target) => new(ret - 0x1000, target - ret);

    private static CallSite Through(int ret, int cell) => new(ret - 0x1000, 0, cell - ret);

    private EdgeVerdict Check(ulong callee, ulong ret) => edges.Check(new InstructionPointer(callee), new ReturnAddress(ret), s_now);

    private void Method(ulong id, ulong start, bool leavesByJump, params CallSite[] calls)
    {
        var method = new MethodCode(new MethodCodeKey(id, 0, start), 0x100, 0, null, s_name);
        map.Exists(method, s_now);
        learned.Add(new LearnedCode(new CodeToLearn(start, 0x100, method), PackedFrames.Of(new AnalysedCode([], calls, [], leavesByJump)), s_now));
    }

    private sealed class FakeMemory : ITargetCode
    {
        public Dictionary<ulong, ulong> Words { get; } = [];

        public Dictionary<ulong, byte[]> Code { get; } = [];

        public bool IsMapped(InstructionPointer ip) => ip.Value < 0x10000;

        public byte[] ReadCode(ulong address, int length) => Code.GetValueOrDefault(address, []);

        public ulong? ReadWord(ulong address) => Words.TryGetValue(address, out ulong word) ? word : null;
    }
}
