using System.Globalization;
using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Recognises the runtime's stubs by their code: no event tells of them. The shapes are those of the x86-64 runtime (its
/// thunktemplates.S, virtualcallstubcpu.hpp, stublinkerx86.cpp and jithelpers_fast.S), of which .NET 8, 9 and 10 share
/// the most. Code of another shape stays without a kind.
/// </summary>
internal static class StubKinds
{
    /// <summary>How far before an instruction its stub may start.</summary>
    public const int Before = 255;

    /// <summary>How far after it a stub may go on.</summary>
    public const int After = 96;

    /// <summary>
    /// Bytes in hexadecimal, one question mark for any byte. Of several that fit, the first is meant: those that are part
    /// of others stand last.
    /// </summary>
    private static readonly Shape[] s_shapes =
    [
        // jmp [target]; mov r10, [method]; jmp [fixup]
        new("fixup precode", "FF25???? 4C8B15???? FF25????"),

        // mov rax, [count]; dec word [rax]; je; jmp [method]; jmp [threshold reached]
        new("call counting", "488B05???? 66FF08 7406 FF25???? FF25????"),

        // The page that JIT_CheckedWriteBarrier and JIT_WriteBarrier are copied to, and the latter's variants.
        new("write barrier", "488D05???? 483B38 72? 488D05???? 483B38 73? FF25???? 488937C3", 0xe0),

        // mov rax, type; cmp [rdi], rax; nop; mov rax, method; jne
        new("virtual stub dispatch", "48B8???????? 483907 90 48B8???????? 0F85???? FFE0"),
        new("virtual stub dispatch", "48B8???????? 483907 90 48B8???????? 75? FFE0 48B8???????? FFE0"),

        // mov rax, [rdi]; push rdx; mov r10, cache; ...: looks the target up by type and token.
        new("virtual stub resolve", "488B07 52 49BA???????? 488BD0 48C1E80C 4803C2", 0x47),
        new("virtual stub resolve", "48B8???????? 8300FF 7D? 4983CB01 52 49BA???????? 50 48B8???????? FFE0"),
        new("virtual stub lookup", "90 48B8???????? 50 48B8???????? FFE0"),

        // mov rax, [rdi]; mov rax, [rax+chunk]; jmp [rax+slot]
        new("virtual call", "488B07 488B40? FF60?"),
        new("virtual call", "488B07 488B40? FFA0????"),
        new("virtual call", "488B07 488B80???? FF60?"),
        new("virtual call", "488B07 488B80???? FFA0????"),

        // Moves a static method's arguments over the delegate's place: mov rax, rsp; mov r11, rdi; ...; jmp r10
        new("delegate shuffle", "488BC4 4989FB 4889F7", 0x40),

        // mov rdi/rsi, [rdi+...]; ...; test rax, rax; je; ret: a type's or method's generic dictionary.
        new("generic lookup", "488B47? 488B40? 488B40? 4885C0 74? C3 48BE???????? E9????"),
        new("generic lookup", "488B47? 488B40? 488B40? 4885C0 74? C3 48BE???????? 48B8???????? FFE0"),
        new("generic lookup", "488B47? 488B40? 4885C0 74? C3 48BE???????? E9????"),

        // mov argument, value; jmp helper: what precompiled code calls until, and sometimes after, it is bound.
        new("precompiled helper", "488BF7 48BF???????? E9????"),
        new("precompiled helper", "488BF7 48BF???????? 48B8???????? FFE0"),
        new("precompiled helper", "488BF7 BF???? E9????"),
        new("precompiled helper", "48BF???????? 48BE???????? E9????"),
        new("precompiled helper", "48BF???????? E9????"),
        new("precompiled helper", "48BE???????? E9????"),
        new("precompiled helper", "48BA???????? E9????"),
        new("precompiled helper", "48B8???????? C3"),
        new("precompiled helper", "48B8???????? 488B00 C3"),
        new("precompiled helper", "48B8???????? 488B00 4883C0? C3"),

        // mov rsi, instantiation; mov rax, method; jmp rax
        new("instantiating", "48BE???????? 48B8???????? FFE0"),
        new("instantiating", "48BF???????? 48B8???????? FFE0"),

        // mov r10, parameter; jmp [target]
        new("stub precode", "4C8B15???? FF25????"),
        new("jump", "48B8???????? FFE0"),
    ];

    /// <summary>The kind of the stub an instruction belongs to, or null.</summary>
    /// <param name="code">Up to <see cref="Before"/> bytes before it, and what follows.</param>
    /// <param name="at">The instruction's index in <paramref name="code"/>.</param>
    public static string? Find(ReadOnlySpan<byte> code, int at)
    {
        foreach (Shape shape in s_shapes)
        {
            for (int start = at; start >= 0 && at - start < shape.Length; start--)
            {
                if (shape.Matches(code[start..])) return shape.Kind;
            }
        }

        return null;
    }

    /// <summary>The kind as a frame.</summary>
    public static Function ToFunction(string kind) => NativeName.Bracketed($"[stub: {kind}]");

    /// <param name="kind">As the runtime's sources call it.</param>
    /// <param name="pattern">How it starts.</param>
    /// <param name="length">Bytes, where the pattern does not go on to its end.</param>
    private sealed class Shape(string kind, string pattern, int length = 0)
    {
        /// <summary>A byte each, -1 for any.</summary>
        private readonly short[] bytes = Parse(pattern);

        public string Kind { get; } = kind;

        public int Length => Math.Max(length, bytes.Length);

        public bool Matches(ReadOnlySpan<byte> code)
        {
            if (code.Length < bytes.Length) return false;
            for (int i = 0; i < bytes.Length; i++)
            {
                if (bytes[i] >= 0 && bytes[i] != code[i]) return false;
            }

            return true;
        }

        private static short[] Parse(string pattern)
        {
            var parsed = new List<short>();
            for (int i = 0; i < pattern.Length; i++)
            {
                if (pattern[i] == ' ') continue;
                parsed.Add(pattern[i] == '?' ? (short)-1 : short.Parse(pattern.AsSpan(i++, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
            }

            return [.. parsed];
        }
    }
}
