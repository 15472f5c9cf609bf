using Iced.Intel;

namespace DotnetPprof.Unwind;

/// <summary>
/// Finds how to step out of the runtime's stubs (write barriers, precode, call counting), of which nobody tells where they
/// begin: from where one was interrupted, straight on to its end. What is still to be undone on the way is the frame.
/// </summary>
internal static class StubAnalyser
{
    /// <summary>Bytes; longer ones are no stubs.</summary>
    public const int LongestStub = 256;

    /// <summary>Bytes: a jump that leads less far stays in the same code, as a loop's does.</summary>
    private const long Near = 1 << 16;

    /// <param name="code">From the interrupted instruction on, perhaps beyond the stub's end.</param>
    /// <param name="address">Where that is executed.</param>
    /// <param name="length">Bytes to the stub's end.</param>
    /// <returns>Null when it does not end there, or touches rbp.</returns>
    public static AnalysedCode? Analyse(byte[] code, ulong address, out int length)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code));
        decoder.IP = address;
        var usage = new InstructionInfoFactory();
        var boundaries = new List<int>();
        var undone = new List<int>();
        var reckoned = new HashSet<Register>();
        int depth = 0;
        length = 0;
        while (length < code.Length)
        {
            decoder.Decode(out Instruction instruction);
            if (instruction.IsInvalid)
                return null;
            boundaries.Add(length);
            undone.Add(depth);
            length += instruction.Length;
            bool leaves = instruction.FlowControl switch
            {
                FlowControl.Return => true,
                /* What is reckoned is the place of a switch's case. */
                FlowControl.IndirectBranch => !reckoned.Contains(instruction.Op0Register),
                FlowControl.UnconditionalBranch => Math.Abs((long)(instruction.NearBranchTarget - address)) >= Near,
                _ => false,
            };
            if (leaves)
                return Result(boundaries, undone, depth, length);
            if (instruction.FlowControl is not (FlowControl.Next or FlowControl.ConditionalBranch) && !IsForward(instruction, address, code.Length))
                return null;
            foreach (UsedRegister used in usage.GetInfo(instruction, InstructionInfoOptions.NoMemoryUsage).GetUsedRegisters())
            {
                Register register = used.Register.GetFullRegister();
                if (register == Register.RBP)
                    return null;
                if (used.Access is OpAccess.Read or OpAccess.CondRead)
                    continue;
                if (instruction.Mnemonic == Mnemonic.Mov)
                    reckoned.Remove(register);
                else
                    reckoned.Add(register);
            }
            if (instruction.StackPointerIncrement != 0)
                depth += instruction.StackPointerIncrement;
            else if (instruction is { Op0Kind: OpKind.Register, Op0Register: Register.RSP })
            {
                if (instruction.Mnemonic is not (Mnemonic.Add or Mnemonic.Sub) || instruction.Op1Kind is not (OpKind.Immediate8to64 or OpKind.Immediate32to64))
                    return null;
                depth += (int)(long)instruction.GetImmediate(1) * (instruction.Mnemonic == Mnemonic.Add ? 1 : -1);
            }
        }
        return null;
    }

    /// <summary>Whether it jumps over some of the stub.</summary>
    private static bool IsForward(in Instruction jump, ulong address, int length) =>
        jump.FlowControl == FlowControl.UnconditionalBranch && jump.NearBranchTarget >= jump.NextIP && jump.NearBranchTarget - address < (ulong)length;

    private static AnalysedCode? Result(List<int> boundaries, List<int> undone, int depth, int length)
    {
        var runs = new List<RuleRun>();
        for (int i = 0; i < boundaries.Count; i++)
        {
            var rule = new StepRule(false, depth - undone[i] + 8, 0);
            if (rule.Cfa <= 0)
                return null;
            runs.Add(new RuleRun(boundaries[i], i + 1 < boundaries.Count ? boundaries[i + 1] : length, rule));
        }
        return new AnalysedCode(runs, [], boundaries, LeavesByJump: true);
    }
}
