using DotnetPprof.Unwind;
using Iced.Intel;
using Xunit;

namespace DotnetPprof.Tests.Unwind;

/// <summary>What is read from code against what its compiler wrote down about it: every instruction of the core library.</summary>
public sealed class PrecompiledFrameTests(ITestOutputHelper log)
{
    [Theory]
    [InlineData("System.Private.CoreLib.dll")]
    [InlineData("System.Linq.dll")]
    [InlineData("System.Text.RegularExpressions.dll")]
    public void EveryInstructionsRuleIsTheCompilers(string assembly)
    {
        string path = Path.Join(Path.GetDirectoryName(typeof(object).Assembly.Location), assembly);
        var analyser = new MethodAnalyser();
        long functions = 0, instructions = 0, handlers = 0, wrong = 0, notUnderstood = 0;
        var examples = new List<string>();
        foreach (PrecompiledFunction function in PrecompiledFunctions.Read(path))
        {
            functions++;
            List<Instruction> decoded = Decode(function);
            if (IsHandler(decoded, function.Frame))
            {
                handlers++;
                continue;
            }
            if (analyser.Analyse(function.Code, function.Address) is not { } analysed)
            {
                notUnderstood++;
                if (notUnderstood < 8)
                    examples.Add($"{function.Address:x}: not understood");
                continue;
            }
            for (int i = 0; i < decoded.Count; i++)
            {
                int offset = (int)(decoded[i].IP - function.Address);
                instructions++;
                StepRule rule = analysed.RuleAt(offset);
                if (Agrees(rule, decoded, i, function.Frame.At(offset), function))
                    continue;
                wrong++;
                if (examples.Count < 30)
                    examples.Add($"{function.Address:x}+{offset:x}: {rule}, compiler {function.Frame.At(offset)}: {decoded[i]}");
                break;
            }
        }
        log.WriteLine($"{assembly}: {functions} functions, {handlers} of them handlers; {instructions} instructions compared; {notUnderstood} functions not understood, {wrong} wrong");
        foreach (string example in examples)
            log.WriteLine(example);
        Assert.Equal(0, wrong);
        Assert.Equal(0, notUnderstood);
    }

    private static bool Agrees(StepRule rule, List<Instruction> code, int index, (int Depth, int SavedRbp, int Frame) truth, PrecompiledFunction function)
    {
        if (truth.Frame == 0)
            truth.Frame = FramePointer(code, index, function);
        if (EpilogueDepth(code, index, function) is { } left)
        {
            /* In an epilogue the frame is what is still to be undone. */
            bool rbpPopped = !code.Skip(index).TakeWhile(next => next.Mnemonic is not (Mnemonic.Ret or Mnemonic.Jmp)).Any(next => next is { Mnemonic: Mnemonic.Pop, Op0Register: Register.RBP });
            truth = (left, rbpPopped ? 0 : truth.SavedRbp, rbpPopped ? 0 : truth.Frame);
        }
        bool cfa = rule.FromRbp ? truth.Frame > 0 && rule.Cfa == truth.Frame : rule.Cfa == truth.Depth;
        return cfa && rule.SavedRbp == truth.SavedRbp;
    }

    /// <summary>Bytes to the canonical frame address when nothing but undoing the frame is left to do; else null.</summary>
    private static int? EpilogueDepth(List<Instruction> code, int index, PrecompiledFunction function)
    {
        int depth = 8;
        bool first = true;
        for (int i = index; i < code.Count; i++, first = false)
        {
            Instruction next = code[i];
            switch (next.Mnemonic)
            {
                case Mnemonic.Add when next.Op0Register == Register.RSP && first:
                    depth += (int)next.GetImmediate(1);
                    break;
                case Mnemonic.Lea when next.Op0Register == Register.RSP && first:
                    return null; /* the body's rule still holds */
                case Mnemonic.Pop:
                    depth += 8;
                    break;
                case Mnemonic.Ret:
                    return depth;
                case Mnemonic.Jmp:
                    bool outside = next.Op0Kind != OpKind.NearBranch64 || next.NearBranchTarget - function.Address >= (ulong)function.Code.Length;
                    return outside && (!first || function.Frame.At(int.MaxValue).Depth == 8 || UndoesFrame(code[i - 1])) ? depth : null;
                default:
                    return null;
            }
        }
        return null;
    }

    private static bool UndoesFrame(in Instruction instruction) =>
        instruction.Mnemonic == Mnemonic.Pop || instruction is { Mnemonic: Mnemonic.Add or Mnemonic.Lea, Op0Register: Register.RSP };

    /// <summary>
    /// Where rbp points. The compiler writes that down only for frames whose size varies; for the others the instruction
    /// itself is the source.
    /// </summary>
    private static int FramePointer(List<Instruction> code, int index, PrecompiledFunction function)
    {
        int set = code.FindIndex(instruction =>
            instruction is { Mnemonic: Mnemonic.Lea, Op0Register: Register.RBP, MemoryBase: Register.RSP } or
            { Mnemonic: Mnemonic.Mov, Op0Register: Register.RBP, Op1Register: Register.RSP });
        if (set < 0 || index <= set || code.FindIndex(instruction => instruction.FlowControl is not (FlowControl.Next or FlowControl.Call or FlowControl.IndirectCall)) < set)
            return 0;
        return function.Frame.At((int)(code[set].IP - function.Address)).Depth -
            (code[set].Mnemonic == Mnemonic.Lea ? (int)code[set].MemoryDisplacement64 : 0);
    }

    /// <summary>An exception handler's own frame is no matter: it is stepped over by its method's.</summary>
    private static bool IsHandler(List<Instruction> code, FrameTruth frame) =>
        frame.At(int.MaxValue) is { SavedRbp: 0, Frame: 0 } && code.Any(instruction => instruction.MemoryBase == Register.RBP);

    private static List<Instruction> Decode(PrecompiledFunction function)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(function.Code));
        decoder.IP = function.Address;
        var instructions = new List<Instruction>();
        while (decoder.IP - function.Address < (ulong)function.Code.Length)
            instructions.Add(decoder.Decode());
        return instructions;
    }
}
