using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Tests.Drain;
using DotnetPprof.Unwind;
using Xunit;

namespace DotnetPprof.Tests.Unwind;

/// <summary>Since when a stack is believed.</summary>
public sealed class RuleTimesTests : IDisposable
{
    private static readonly Function s_name = new("M", "M()", "", 0);
    private static readonly StackKey s_stack = new(new InstructionPointer(0x1005), 0, default);

    private readonly FakeRegion region = new();
    private readonly CodeMap map = new();
    private readonly LearnedCodes learned;
    private readonly RuleTimes times;
    private readonly KeptChains chains;
    private bool isOfFile;

    public RuleTimesTests()
    {
        learned = new LearnedCodes(map);
        chains = new KeptChains(region.View);
        times = new RuleTimes(map, learned, chains, _ => isOfFile);
    }

    public void Dispose() => region.Dispose();

    [Fact]
    public void CodeThatIsNotManagedIsRightAtAnyTime()
    {
        isOfFile = true;
        Assert.True(InForceAt(1));
    }

    [Fact]
    public void CodeThatIsToldOfLateIsNotBelievedFromThenOn()
    {
        Assert.True(InForceAt(1_000));
        MethodCode method = Appear();
        Assert.False(InForceAt(1_000_001_000));
        learned.Add(new LearnedCode(new CodeToLearn(0x1000, 0x100, method), Frameless(), new MonotonicNanos(1_010_000_000)));
        Assert.True(InForceAt(1_030_000_000));
        Assert.False(InForceAt(1_009_999_999));
    }

    [Fact]
    public void WhatHasNotBeenLearnedIsNotBelieved()
    {
        Appear();
        for (long time = 1; time < 1_000; time++)
            Assert.False(InForceAt(time));
    }

    [Fact]
    public void WhatIsLearnedLateIsBelievedFromThenOn()
    {
        MethodCode method = Appear();
        Assert.False(InForceAt(1_000));
        learned.Add(new LearnedCode(new CodeToLearn(0x1000, 0x100, method), Frameless(), new MonotonicNanos(50_000_000)));
        Assert.False(InForceAt(49_999_999));
        Assert.True(InForceAt(50_000_000));
        Assert.True(InForceAt(90_000_000));
    }

    [Fact]
    public void FramesThatRbpHeadsAreRightBeforeTheyWereLearned()
    {
        MethodCode method = Appear();
        learned.Add(new LearnedCode(new CodeToLearn(0x1000, 0x100, method), PackedFrames.Of(new AnalysedCode([], [], [], LeavesByJump: false)), new MonotonicNanos(50_000_000)));
        Assert.True(InForceAt(1));
    }

    [Fact]
    public void WhatWasDroppedIsBelievedOnceItIsLearnedAgain()
    {
        MethodCode method = Appear();
        var code = new CodeToLearn(0x1000, 0x100, method);
        learned.Add(new LearnedCode(code, Frameless(), new MonotonicNanos(50_000_000)));
        Assert.True(InForceAt(60_000_000));
        Assert.Equal([code], learned.Drop());
        Assert.False(InForceAt(60_000_000));
        learned.Add(new LearnedCode(code, Frameless(), new MonotonicNanos(80_000_000)));
        Assert.False(InForceAt(79_999_999));
        Assert.True(InForceAt(100_000_000));
    }

    /// <summary>Some code of a stack is nobody's that we know, and what is known of the rest has gone meanwhile.</summary>
    [Fact]
    public void WhatWasDroppedIsNotBelievedBehindUnknownCode()
    {
        region.PutChain(1, 0x1006);
        var stack = new StackKey(new InstructionPointer(0x9000), chains.Keep(1, generation: 0), default);
        learned.Add(new LearnedCode(new CodeToLearn(0x1000, 0x100, Appear()), Frameless(), new MonotonicNanos(50_000_000)));
        Assert.True(times.InForceAt(0, 0, stack, new MonotonicNanos(60_000_000)));
        learned.Drop();
        Assert.False(times.InForceAt(0, 0, stack, new MonotonicNanos(60_000_001)));
    }

    private bool InForceAt(long time) => times.InForceAt(0, 0, s_stack, new MonotonicNanos(time));

    private MethodCode Appear()
    {
        var method = new MethodCode(new MethodCodeKey(1, 0, 0x1000), 0x100, 0, null, s_name);
        return map.Exists(method, new MonotonicNanos(1));
    }

    private static PackedFrames Frameless() => PackedFrames.Of(new AnalysedCode([new RuleRun(0, 0x100, new StepRule(FromRbp: false, 8, 0))], [], [], LeavesByJump: false));
}
