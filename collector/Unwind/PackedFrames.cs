using System.Numerics;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// What is kept of an <see cref="AnalysedCode"/>: its rules and calls, in as few bytes as it goes. Each body of each target
/// has it, and it is asked only where samples lie. It is made here, and so is believed when it is read.
/// <para>
/// Numbers are those of <see cref="PackedNumbers"/>. How many rules, twice, and 1 where the code may leave by a jump. Each
/// rule: its start less the end of the one before, its length, and the three parts of its step. Then the calls: the place
/// one returns to less the one before, four times, and what follows: 1 for the distance to its target, 2 for that to its
/// cell, 4 bytes each.
/// </para>
/// </summary>
internal readonly record struct PackedFrames
{
    /// <summary>A call in native code that has a rule; which one, only the agent knows.</summary>
    public static readonly PackedFrames OfNativeCall = Of(new AnalysedCode([new RuleRun(0, 1, new StepRule(false, 8, 0))], [], [], LeavesByJump: true));

    /// <summary>A place in native code that a frame is said to return to, and where nothing is called.</summary>
    public static readonly PackedFrames OfNoCall = Of(new AnalysedCode([], [], [], LeavesByJump: true));

    /// <summary>What a signal's handler returns to, and what goes on from there to what was interrupted.</summary>
    public static readonly PackedFrames OfSignalReturn = Of(new AnalysedCode([], [], [], LeavesByJump: true));

    /* Offsets on the stack are multiples of 8: bits that are always 0 are turned to the top, where they cost nothing. */
    private const int AlignmentBits = 3;

    private const uint HasTarget = 1;
    private const uint HasCell = 2;

    private readonly byte[]? bytes;

    private PackedFrames(byte[] bytes) => this.bytes = bytes;

    /// <summary>False for the default.</summary>
    public bool IsKnown => bytes is not null;

    /// <summary>Whether it may hand its own caller on to another method.</summary>
    public bool LeavesByJump => (bytes![0] & 1) != 0;

    internal ReadOnlySpan<byte> Bytes => bytes;

    public static PackedFrames Of(AnalysedCode code)
    {
        var packer = new PackedNumbers.Packer(8 + (code.Rules.Count * 8) + (code.Calls.Count * 10));
        packer.Add(((ulong)code.Rules.Count << 1) | (code.LeavesByJump ? 1u : 0));
        int last = 0;
        foreach (RuleRun run in code.Rules)
        {
            packer.AddSigned(run.Start - last);
            packer.AddSigned(run.End - run.Start);
            packer.Add(run.Rule.FromRbp ? 1u : 0);
            packer.Add(BitOperations.RotateRight((uint)run.Rule.Cfa, AlignmentBits));
            packer.Add(BitOperations.RotateRight((uint)run.Rule.SavedRbp, AlignmentBits));
            last = run.End;
        }

        last = 0;
        foreach (CallSite call in code.Calls)
        {
            uint follows = (call.ToTarget != 0 ? HasTarget : 0) | (call.ToCell != 0 ? HasCell : 0);
            packer.Add(((ulong)(uint)(call.Return - last) << 2) | follows);
            if (call.ToTarget != 0)
                packer.AddWhole(call.ToTarget);
            if (call.ToCell != 0)
                packer.AddWhole(call.ToCell);
            last = call.Return;
        }

        var packed = new PackedFrames(packer.Packed.ToArray());
        packer.Release();
        return packed;
    }

    /// <summary>The rule at an offset; where an instruction is being executed, its own offset.</summary>
    public StepRule RuleAt(int offset)
    {
        var rest = new PackedNumbers.Unpacker(bytes);
        int start = 0;
        for (ulong left = rest.Next() >> 1; left > 0; left--)
        {
            start += rest.NextSigned();
            int end = start + rest.NextSigned();
            StepRule rule = NextRule(ref rest);
            if (offset < start)
                break;
            if (offset < end)
                return rule;
            start = end;
        }

        return StepRule.FramePointer;
    }

    /// <summary>The call that returns to an offset; null for none.</summary>
    public CallSite? CallReturningTo(int offset)
    {
        var rest = new PackedNumbers.Unpacker(bytes);
        for (ulong left = rest.Next() >> 1; left > 0; left--)
        {
            rest.NextSigned();
            rest.NextSigned();
            NextRule(ref rest);
        }

        int at = 0;
        while (!rest.IsAtEnd)
        {
            ulong next = rest.Next();
            at += (int)(uint)(next >> 2);
            int target = (next & HasTarget) != 0 ? rest.NextWhole() : 0;
            int cell = (next & HasCell) != 0 ? rest.NextWhole() : 0;
            if (at == offset)
                return new CallSite(at, target, cell);
            if (at > offset)
                break;
        }

        return null;
    }

    private static StepRule NextRule(ref PackedNumbers.Unpacker rest) => new(
        rest.Next() != 0,
        (int)BitOperations.RotateLeft((uint)rest.Next(), AlignmentBits),
        (int)BitOperations.RotateLeft((uint)rest.Next(), AlignmentBits));
}
