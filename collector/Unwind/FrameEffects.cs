using Iced.Intel;

namespace DotnetPprof.Unwind;

/// <summary>What one instruction does to the frame: the JIT's ways of making and leaving one, and what they are not.</summary>
internal sealed class FrameEffects
{
    private readonly InstructionInfoFactory usage = new();

    /* `lea r11, [rsp - size]`, whose result becomes rsp once the pages below have been touched. */
    private Register probed;
    private int probedDepth;

    /// <summary>Whether depths are counted from an unknown one, so that they cannot be compared with where things lie.</summary>
    public bool IsRelative { get; set; }

    /// <summary>Whether a new rsp has been computed and is still to be taken.</summary>
    public bool IsProbing => probed != Register.None;

    public void Reset() => probed = Register.None;

    /// <param name="before">The state before the instruction.</param>
    /// <param name="instruction">One that does not end its block.</param>
    /// <param name="funclet">The state of the method whose handler this is; null in the method itself.</param>
    /// <returns>The state behind it; null when it is not understood.</returns>
    public FrameState? Apply(FrameState before, in Instruction instruction, FrameState? funclet)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Push:
                return Push(before, instruction);
            case Mnemonic.Pop:
                return Pop(before, instruction, funclet is not null || IsRelative);
            case Mnemonic.Leave:
                return before.Frame > 0 && before.Frame == before.SavedRbp
                    ? new FrameState(before.Frame - 8, 0, 0)
                    : null;
        }

        if (instruction.OpCount == 0)
            return before;
        if (instruction.Mnemonic == Mnemonic.Lea && instruction.MemoryBase == Register.RSP && instruction.MemoryIndex == Register.None &&
            instruction.Op0Register is not (Register.RSP or Register.RBP) && before.Depth is { } depth)
        {
            probed = instruction.Op0Register;
            probedDepth = depth - (int)instruction.MemoryDisplacement64;
            return before;
        }

        if (Writes(instruction, Register.RSP))
            return before with { Depth = StackPointer(before, instruction) };
        if (Writes(instruction, Register.RBP))
            return FramePointer(before, instruction, funclet);
        return before;
    }

    private static FrameState Push(FrameState before, in Instruction instruction)
    {
        int? depth = before.Depth + 8;
        bool saves = instruction.Op0Register == Register.RBP && before is { SavedRbp: 0, Frame: 0 };
        return before with { Depth = depth, SavedRbp = saves ? depth ?? 0 : before.SavedRbp };
    }

    private static FrameState? Pop(FrameState before, in Instruction instruction, bool anywhere)
    {
        int? depth = before.Depth - 8;
        if (instruction.Op0Register == Register.RSP)
            return before with { Depth = null };
        if (instruction.Op0Register != Register.RBP)
            return before with { Depth = depth };
        return before.Depth == before.SavedRbp || anywhere ? new FrameState(depth, 0, 0) : null;
    }

    private int? StackPointer(FrameState before, in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Sub when IsImmediate(instruction):
                return before.Depth + (int)(long)instruction.GetImmediate(1);
            case Mnemonic.Add when IsImmediate(instruction):
                return before.Depth - (int)(long)instruction.GetImmediate(1);
            case Mnemonic.Lea when instruction is { MemoryBase: Register.RSP, MemoryIndex: Register.None }:
                return before.Depth - (int)instruction.MemoryDisplacement64;
            case Mnemonic.Lea when instruction is { MemoryBase: Register.RBP, MemoryIndex: Register.None } && before.Frame > 0:
                return before.Frame - (int)instruction.MemoryDisplacement64;
            case Mnemonic.Mov when instruction.Op1Register == Register.RBP && before.Frame > 0:
                return before.Frame;
            case Mnemonic.Mov when instruction.Op1Kind == OpKind.Register && instruction.Op1Register == probed && IsProbing:
                probed = Register.None;
                return probedDepth;
            default:
                return null;
        }
    }

    private static FrameState? FramePointer(FrameState before, in Instruction instruction, FrameState? funclet)
    {
        /* A handler of older runtimes sets its parent's frame pointer. */
        if (funclet is { } parent)
            return parent with { Depth = before.Depth };
        if (before.SavedRbp == 0)
            return null;
        if (before.Depth is not { } depth)
            return before with { Frame = 0 };
        if (instruction.Mnemonic == Mnemonic.Mov && instruction.Op1Register == Register.RSP)
            return before with { Frame = depth };
        bool points = instruction.Mnemonic == Mnemonic.Lea && instruction is { MemoryBase: Register.RSP, MemoryIndex: Register.None };
        return before with { Frame = points ? depth - (int)instruction.MemoryDisplacement64 : 0 };
    }

    private static bool IsImmediate(in Instruction instruction) => instruction.Op1Kind is OpKind.Immediate8to64 or OpKind.Immediate32to64;

    private bool Writes(in Instruction instruction, Register register)
    {
        bool named = false;
        for (int i = 0; i < instruction.OpCount && i < 2; i++)
            named |= instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i).GetFullRegister() == register;
        if (!named)
            return false;
        foreach (UsedRegister used in usage.GetInfo(instruction, InstructionInfoOptions.NoMemoryUsage).GetUsedRegisters())
        {
            if (used.Register.GetFullRegister() == register && used.Access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite)
                return true;
        }
        return false;
    }
}
