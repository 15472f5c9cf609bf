using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>What can be seen of a target's code and of the words that it jumps through.</summary>
internal interface ITargetCode
{
    /// <summary>Whether executable memory is, or was, at an address.</summary>
    bool IsMapped(InstructionPointer ip);

    /// <summary>The code at an address as it is now.</summary>
    /// <returns>The bytes that could be read: fewer than asked for, or none.</returns>
    byte[] ReadCode(ulong address, int length);

    /// <summary>A word of the runtime's own data beside its code, as it is now; null where it cannot be read.</summary>
    ulong? ReadWord(ulong address);
}
