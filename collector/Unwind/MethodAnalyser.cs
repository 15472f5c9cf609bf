using Iced.Intel;

namespace DotnetPprof.Unwind;

/// <summary>
/// Finds how to step from every instruction of a method by following what its code does to rsp and rbp.
/// <para>
/// The shape is the JIT's: a prologue, a body in which the frame stays as it is (where it does not, rbp heads it), and
/// epilogues behind which the body goes on. So code that only jumps from further down or tables lead to is the body's. Every
/// way out is checked: a frame that is not undone there has been misunderstood, and nothing is claimed of the method.
/// </para>
/// <para>
/// An OSR body begins in the middle of its Tier0 method's frame, whose size only its epilogues tell. Exception handlers
/// (funclets) run on their method's frame pointer: theirs are the method's callers.
/// </para>
/// Not thread-safe.
/// </summary>
internal sealed class MethodAnalyser
{
    private readonly FrameEffects effects = new();
    private readonly Dictionary<int, FrameState> incoming = [];
    private readonly List<RuleRun> rules = [];
    private readonly List<CallSite> calls = [];
    private readonly List<int> boundaries = [];
    private readonly CodeBytes bytes = new();
    private readonly Decoder decoder;
    private int size;
    private ulong start;
    private bool isOsr;
    private bool leavesByJump;
    private int? depthAtReturn;
    private FrameState? body;
    private FrameState? funclet;

    public MethodAnalyser() => decoder = Decoder.Create(64, bytes);

    /// <summary>Analyses a whole method, or one function of a precompiled image.</summary>
    /// <param name="code">All its bytes.</param>
    /// <param name="address">Where they are executed.</param>
    /// <returns>Valid until the next analysis; null when its frames are not understood.</returns>
    public AnalysedCode? Analyse(ArraySegment<byte> code, ulong address)
    {
        size = code.Count;
        start = address;
        bytes.Code = code;
        AnalysedCode? result = Analyse();
        bytes.Code = default;
        return result;
    }

    private AnalysedCode? Analyse()
    {
        isOsr = BeginsInTier0Frame();
        if (!isOsr)
            return Run(FrameState.Entry) ? Result() : null;
        /* Once to learn how much its returns undo, and again from there. */
        var entry = new FrameState(0, 16, 16);
        effects.IsRelative = true;
        bool understood = Run(entry);
        effects.IsRelative = false;
        if (!understood || depthAtReturn is not { } excess)
            return null;
        return Run(entry with { Depth = 8 - excess }) ? Result() : null;
    }

    private void Rewind(ulong address)
    {
        bytes.Next = 0;
        decoder.IP = address;
    }

    /// <summary>`mov rax, [rbp]; push rax`: the caller's rbp, copied from the frame of the Tier0 method.</summary>
    private bool BeginsInTier0Frame()
    {
        Rewind(0);
        decoder.Decode(out Instruction first);
        decoder.Decode(out Instruction second);
        return first is { Mnemonic: Mnemonic.Mov, MemoryBase: Register.RBP, MemoryIndex: Register.None, MemoryDisplacement64: 0, Op0Kind: OpKind.Register } &&
            second.Mnemonic == Mnemonic.Push && second.Op0Register == first.Op0Register;
    }

    private AnalysedCode Result() => new(rules, calls, boundaries, leavesByJump);

    private bool Run(FrameState entry)
    {
        incoming.Clear();
        rules.Clear();
        calls.Clear();
        boundaries.Clear();
        effects.Reset();
        leavesByJump = false;
        depthAtReturn = null;
        body = null;
        funclet = null;

        Rewind(start);
        FrameState? flowing = entry;
        while (decoder.IP - start < (ulong)size)
        {
            int offset = (int)(decoder.IP - start);
            decoder.Decode(out Instruction instruction);
            if (instruction.IsInvalid || decoder.IP - start > (ulong)size)
                return false;
            if (StateAt(offset, flowing, instruction) is not { } state)
                return false;
            if (funclet is null && entry != FrameState.Handler && ReadsFrameOfAnother(state, instruction))
                return Run(FrameState.Handler);
            if (state.Rule(isOsr) is not { } rule)
                return false;
            boundaries.Add(offset);
            AddRule(offset, offset + instruction.Length, rule);
            if (!Follow(instruction, state, out flowing))
                return false;
        }
        return true;
    }

    /// <summary>The state before an instruction: that of the one before it, of jumps to it, or the body's.</summary>
    private FrameState? StateAt(int offset, FrameState? flowing, in Instruction instruction)
    {
        bool targeted = incoming.TryGetValue(offset, out FrameState jumped);
        if (flowing is { } before)
            return targeted ? FrameState.Meet(before, jumped) : before;
        if (targeted)
            return jumped;
        /* Within a method only a handler's prologue saves the frame pointer again. */
        if (instruction is { Mnemonic: Mnemonic.Push, Op0Register: Register.RBP } && body is { IsChained: true } or { Frame: > 16 })
        {
            funclet = body;
            return FrameState.Entry;
        }
        return funclet ?? body;
    }

    /// <param name="flowing">The state before the next instruction; null when this one does not lead there.</param>
    private bool Follow(in Instruction instruction, FrameState state, out FrameState? flowing)
    {
        flowing = null;
        switch (instruction.FlowControl)
        {
            case FlowControl.Next:
                flowing = effects.Apply(state, instruction, funclet);
                return flowing is not null;
            case FlowControl.Call or FlowControl.IndirectCall:
                int next = (int)(instruction.NextIP - start);
                calls.Add(new CallSite(
                    next,
                    instruction.IsCallNear ? (int)(instruction.NearBranchTarget - instruction.NextIP) : 0,
                    instruction.IsIPRelativeMemoryOperand ? (int)(instruction.IPRelativeMemoryAddress - instruction.NextIP) : 0));
                if (!effects.IsProbing)
                    body ??= state;
                flowing = state;
                return true;
            case FlowControl.ConditionalBranch:
                body ??= state;
                flowing = state;
                return Jump(instruction, state);
            case FlowControl.UnconditionalBranch:
                body ??= state;
                return Jump(instruction, state);
            case FlowControl.IndirectBranch:
                /* A switch goes on in the body; a tail call leaves nothing of the frame behind. */
                body ??= state;
                leavesByJump |= state.IsLeft;
                return state.IsLeft || state == body || state.Frame > 0;
            case FlowControl.Return:
                body ??= state;
                return Return(state);
            default:
                body ??= state;
                return true;
        }
    }

    private bool Jump(in Instruction instruction, FrameState state)
    {
        ulong target = instruction.NearBranchTarget - start;
        if (target >= (ulong)size)
        {
            leavesByJump = true;
            return instruction.FlowControl == FlowControl.UnconditionalBranch && (state.IsLeft || (isOsr && state.SavedRbp == 0));
        }
        int offset = (int)target;
        if (instruction.NearBranchTarget < instruction.NextIP)
            return true;
        FrameState? met = incoming.TryGetValue(offset, out FrameState other) ? FrameState.Meet(state, other) : state;
        if (met is { } known)
            incoming[offset] = known;
        return met is not null;
    }

    private bool Return(FrameState state)
    {
        /* A handler returns with its method's frame pointer in place. */
        if (state.Frame > 0)
            return body is { Frame: > 0 };
        if (!isOsr || funclet is not null)
            return state.IsLeft || (funclet is not null && state.SavedRbp == 0);
        bool same = depthAtReturn is null || depthAtReturn == state.Depth;
        depthAtReturn = state.Depth;
        return same && state is { SavedRbp: 0, Depth: not null };
    }

    /// <summary>A handler compiled as a function of its own is entered with its method's frame pointer set.</summary>
    private static bool ReadsFrameOfAnother(FrameState state, in Instruction instruction) =>
        state is { SavedRbp: 0, Frame: 0 } && instruction.MemoryBase == Register.RBP;

    private void AddRule(int from, int to, StepRule rule)
    {
        if (rule == StepRule.FramePointer)
            return;
        if (rules.Count > 0 && rules[^1].End == from && rules[^1].Rule == rule)
            rules[^1] = rules[^1] with { End = to };
        else
            rules.Add(new RuleRun(from, to, rule));
    }

    /// <summary>One method's bytes after another's, for one decoder.</summary>
    private sealed class CodeBytes : CodeReader
    {
        public ArraySegment<byte> Code { get; set; }

        public int Next { get; set; }

        public override int ReadByte() => Next < Code.Count ? Code[Next++] : -1;
    }
}
