using DotnetPprof.Unwind;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace DotnetPprof.Tests.Unwind;

/// <summary>Stubs are followed from where they were interrupted to their end.</summary>
public sealed class StubAnalyserTests
{
    private const ulong Start = 0x7F12_3450_0000;

    [Fact]
    public void WhatIsStillToBeUndoneIsTheFrame()
    {
        (AnalysedCode? code, int length) = Analyse(c =>
        {
            c.mov(rax, rdi);
            c.sub(rsp, 24);
            c.add(rsp, 24);
            c.pop(rbx);
            c.ret();
            c.int3();
        });
        Assert.Equal([16, 16, 40, 16, 8], code!.Boundaries.Select(offset => code.RuleAt(offset).Cfa));
        Assert.Equal(code.Boundaries[^1] + 1, length);
    }

    [Fact]
    public void JumpThroughPointerIsAnEnd() => Assert.Equal(8, Analyse(c => c.jmp(__qword_ptr[rax])).Code!.RuleAt(0).Cfa);

    [Fact]
    public void JumpToAnAddressIsAnEnd()
    {
        Assert.Equal(8, Analyse(c =>
        {
            c.mov(rax, 0x7F00_0000_1234);
            c.jmp(rax);
        }).Code!.RuleAt(0).Cfa);
        Assert.Equal(8, Analyse(c => c.jmp(rax)).Code!.RuleAt(0).Cfa);
        Assert.Equal(8, Analyse(c => c.jmp(Start + (1 << 20))).Code!.RuleAt(0).Cfa);
    }

    /// <summary>A method that nobody told of yet has loops and switches.</summary>
    [Fact]
    public void LoopAndSwitchAreNoStubs()
    {
        Assert.Null(Analyse(c =>
        {
            c.inc(rdi);
            c.jmp(Start - 20);
        }).Code);
        Assert.Null(Analyse(c =>
        {
            c.mov(ecx, __dword_ptr[rcx + rax * 4]);
            c.lea(rdx, __[rdx - 200]);
            c.add(rcx, rdx);
            c.jmp(rcx);
        }).Code);
    }

    [Fact]
    public void CallsAndOtherFramesAreNoStubs()
    {
        Assert.Null(Analyse(c => c.call(__qword_ptr[rax])).Code);
        Assert.Null(Analyse(c =>
        {
            c.mov(rbp, rsp);
            c.ret();
        }).Code);
        Assert.Null(Analyse(c => c.mov(rax, rdi)).Code);
    }

    private static (AnalysedCode? Code, int Length) Analyse(Action<Assembler> write)
    {
        var assembler = new Assembler(64);
        write(assembler);
        var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), Start);
        return (StubAnalyser.Analyse(stream.ToArray(), Start, out int length), length);
    }
}
