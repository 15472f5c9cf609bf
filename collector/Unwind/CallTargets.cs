using System.Buffers.Binary;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// Finds the methods that calls lead to: by the instruction, by the cell that it goes through, and by the precode that may
/// stand there (`jmp [cell]`). A cell belongs to one method for as long as its caller is there, so what it holds now tells
/// of any time. Belongs to the drain.
/// </summary>
internal sealed class CallTargets(CodeMap code, ITargetCode memory)
{
    private const int MostJumps = 2;
    private const int JumpLength = 6;

    private static readonly MonotonicNanos s_now = new(long.MaxValue - 1);

    private readonly Dictionary<ulong, MethodCode?> cells = [];

    /// <summary>Whether there is code at an address at all.</summary>
    public bool IsCode(InstructionPointer ip, MonotonicNanos time) => code.Find(ip, time) is not null || memory.IsMapped(ip);

    /// <param name="call">Of code that is still there.</param>
    /// <param name="address">Where it returns to.</param>
    /// <param name="time">When it called.</param>
    /// <returns>A body of the method; null when it is not known, or no method.</returns>
    public MethodCode? Of(CallSite call, ReturnAddress address, MonotonicNanos time)
    {
        if (call.ToCell == 0)
            return call.ToTarget == 0 ? null : Follow(address.Value + (ulong)call.ToTarget, time);
        ulong cell = address.Value + (ulong)call.ToCell;
        if (!cells.TryGetValue(cell, out MethodCode? method))
            cells.Add(cell, method = memory.ReadWord(cell) is { } target ? Follow(target, s_now) : null);
        return method;
    }

    private MethodCode? Follow(ulong target, MonotonicNanos time)
    {
        for (int jumps = 0; jumps <= MostJumps; jumps++)
        {
            if (code.Find(new InstructionPointer(target), time) is { } method)
                return method.Start == target ? method : null;
            byte[] bytes = memory.ReadCode(target, JumpLength);
            if (bytes.Length < JumpLength || bytes[0] != 0xFF || bytes[1] != 0x25)
                return null;
            ulong cell = target + JumpLength + (ulong)BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(2));
            if (memory.ReadWord(cell) is not { } next)
                return null;
            (target, time) = (next, s_now);
        }
        return null;
    }
}
