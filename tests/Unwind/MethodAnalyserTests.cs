using DotnetPprof.Unwind;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace DotnetPprof.Tests.Unwind;

/// <summary>The shapes of code that the JIT makes, and what is to be made of them.</summary>
public sealed class MethodAnalyserTests
{
    private const ulong Start = 0x7F12_3450_0000;

    private static readonly StepRule s_entered = new(false, 8, 0);

    [Fact]
    public void FramelessWrapperIsCountedFromRsp()
    {
        AnalysedCode code = Analyse(c =>
        {
            c.push(rax);
            c.call(__qword_ptr[0x1000]);
            c.inc(rax);
            c.add(rsp, 8);
            c.ret();
        });
        Assert.Equal([s_entered, new(false, 16, 0), new(false, 16, 0), new(false, 16, 0), s_entered], Rules(code));
        Assert.Single(code.Calls);
        Assert.False(code.LeavesByJump);
    }

    [Fact]
    public void FramePointerIsTheDefaultBetweenPrologueAndEpilogue()
    {
        AnalysedCode code = Analyse(c =>
        {
            Label twice = c.CreateLabel(), out1 = c.CreateLabel();
            c.push(rbp);
            c.push(r15);
            c.push(rbx);
            c.lea(rbp, __[rsp + 16]);
            c.test(rdi, rdi);
            c.je(out1);
            c.Label(ref twice);
            c.mov(rax, rdi);
            c.pop(rbx);
            c.pop(r15);
            c.pop(rbp);
            c.ret();
            c.Label(ref out1);
            c.inc(rdi);
            c.jmp(twice);
        });
        StepRule framed = StepRule.FramePointer;
        Assert.Equal(
            [s_entered, new(false, 16, 16), new(false, 24, 16), new(false, 32, 16), framed, framed, framed, framed, framed, framed, s_entered, framed, framed],
            Rules(code));
    }

    /// <summary>Its prologue copies the caller's rbp out of the Tier0 frame; how large that is, only the epilogue tells.</summary>
    [Fact]
    public void OsrBodysCallerIsBehindTheTier0Frame()
    {
        AnalysedCode code = Analyse(c =>
        {
            Label loop = c.CreateLabel();
            c.mov(rax, __qword_ptr[rbp]);
            c.push(rax);
            c.sub(rsp, 32);
            c.mov(__qword_ptr[rsp + 0x78], r15);
            c.lea(rbp, __[rsp + 0x20]);
            c.Label(ref loop);
            c.call(__qword_ptr[0x1000]);
            c.dec(r15);
            c.jne(loop);
            c.add(rsp, 120);
            c.pop(r15);
            c.pop(rbp);
            c.ret();
        });
        StepRule body = new(true, 112, 16), framed = StepRule.FramePointer;
        Assert.Equal([framed, framed, framed, framed, framed, body, body, body, body, body, body, s_entered], Rules(code));
    }

    [Fact]
    public void StackThatGrowsByDataIsCountedFromRbp()
    {
        AnalysedCode code = Analyse(c =>
        {
            Label loop = c.CreateLabel();
            c.push(rbp);
            c.sub(rsp, 16);
            c.lea(rbp, __[rsp + 16]);
            c.Label(ref loop);
            c.push(0);
            c.dec(rax);
            c.jne(loop);
            c.call(__qword_ptr[0x1000]);
            c.lea(rsp, __[rbp]);
            c.pop(rbp);
            c.ret();
        });
        StepRule framed = StepRule.FramePointer;
        Assert.Equal([s_entered, new(false, 16, 16), new(false, 32, 16), framed, framed, framed, framed, framed, framed, s_entered], Rules(code));
    }

    [Fact]
    public void HandlerRunsOnItsMethodsFrame()
    {
        AnalysedCode code = Analyse(c =>
        {
            c.push(rbp);
            c.sub(rsp, 16);
            c.lea(rbp, __[rsp + 16]);
            c.call(__qword_ptr[0x1000]);
            c.add(rsp, 16);
            c.pop(rbp);
            c.ret();
            c.push(rax);
            c.mov(rdi, __qword_ptr[rbp - 8]);
            c.call(__qword_ptr[0x1000]);
            c.add(rsp, 8);
            c.ret();
        });
        Assert.All(Rules(code)[7..], rule => Assert.Equal(StepRule.FramePointer, rule));
    }

    [Fact]
    public void FrameThatIsNotUndoneIsNotUnderstood()
    {
        Assert.Null(new MethodAnalyser().Analyse(Bytes(c =>
        {
            c.push(rbx);
            c.sub(rsp, 16);
            c.add(rsp, 8);
            c.pop(rbx);
            c.ret();
        }), Start));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void AnyBytesAreAnalysedToAnEnd(int seed)
    {
        var random = new Random(seed);
        var analyser = new MethodAnalyser();
        for (int i = 0; i < 20_000; i++)
        {
            byte[] code = new byte[random.Next(1, 64)];
            random.NextBytes(code);
            analyser.Analyse(code, (ulong)random.NextInt64());
        }
    }

    [Fact]
    public void ProposalNamesEveryInstructionOnce()
    {
        AnalysedCode code = Analyse(c =>
        {
            c.push(rbx);
            for (int i = 0; i < 100; i++)
                c.add(rax, rbx);
            c.call(__qword_ptr[0x1000]);
            c.pop(rbx);
            c.ret();
        });
        List<Region.RegionRule> rules = RuleProposal.Of(code, Start);
        Assert.Equal(8, rules.Count(rule => rule.Kind == (byte)Region.RuleKind.Block));
        Assert.Single(rules, rule => rule.Kind == (byte)Region.RuleKind.Return);
        foreach (int boundary in code.Boundaries)
        {
            Assert.Single(rules, rule => rule.Kind switch
            {
                (byte)Region.RuleKind.Here => rule.Offset == boundary,
                (byte)Region.RuleKind.Block => boundary >= rule.Offset && boundary < rule.Offset + 32,
                _ => false,
            });
        }
    }

    private static List<StepRule> Rules(AnalysedCode code) => [.. code.Boundaries.Select(code.RuleAt)];

    private static AnalysedCode Analyse(Action<Assembler> write) => new MethodAnalyser().Analyse(Bytes(write), Start)!;

    private static byte[] Bytes(Action<Assembler> write)
    {
        var assembler = new Assembler(64);
        write(assembler);
        var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), Start);
        return stream.ToArray();
    }
}
