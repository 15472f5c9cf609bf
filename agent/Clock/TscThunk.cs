using System.Runtime.InteropServices;
using DotnetPprof.Agent.Interop;
using Iced.Intel;

namespace DotnetPprof.Agent.Clock;

/// <summary>
/// The function that reads the time stamp counter, assembled into a page of its own that is first writable and then
/// executable, never both. It is made once and never given back: a late signal may be reading it.
/// </summary>
internal static unsafe class TscThunk
{
    private const nuint PageBytes = 4096;

    private static void* s_code;

    /// <returns>The function; null when <paramref name="failure"/> says why there is none.</returns>
    internal static void* Get(out string? failure)
    {
        failure = null;
        if (s_code is null)
            s_code = Make(out failure);
        return s_code;
    }

    /// <summary><c>rdtsc; shl rdx, 32; or rax, rdx; ret</c>.</summary>
    internal static byte[] Assemble()
    {
        var writer = new CodeBytes();
        /* The bare encoder: Iced's Assembler on top of it costs the agent another 60 KB. */
        var encoder = Encoder.Create(bitness: 64, writer);
        ReadOnlySpan<Instruction> code =
        [
            Instruction.Create(Code.Rdtsc),
            Instruction.Create(Code.Shl_rm64_imm8, Register.RDX, 32),
            Instruction.Create(Code.Or_rm64_r64, Register.RAX, Register.RDX),
            Instruction.Create(Code.Retnq),
        ];
        foreach (ref readonly Instruction instruction in code)
            encoder.Encode(instruction, rip: (ulong)writer.Bytes.Count);
        return [.. writer.Bytes];
    }

    private static void* Make(out string? failure)
    {
        failure = null;
        byte[] code = Assemble();
        void* page = Libc.Map(null, PageBytes, Libc.ProtRead | Libc.ProtWrite, Libc.MapPrivate | Libc.MapAnonymous, -1, 0);
        if ((nint)page == -1)
        {
            failure = $"there is no memory for its code ({Marshal.GetLastPInvokeErrorMessage()})";
            return null;
        }
        code.CopyTo(new Span<byte>(page, (int)PageBytes));
        if (Libc.Protect(page, PageBytes, Libc.ProtRead | Libc.ProtExecute) == 0)
            return page;
        failure = $"its code may not be made executable ({Marshal.GetLastPInvokeErrorMessage()})";
        Libc.Unmap(page, PageBytes);
        return null;
    }

    private sealed class CodeBytes : CodeWriter
    {
        internal List<byte> Bytes { get; } = [];

        public override void WriteByte(byte value) => Bytes.Add(value);
    }
}
