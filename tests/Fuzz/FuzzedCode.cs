using System.Text;
using System.Text.Json;
using DotnetPprof.Annotate;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Unwind;

namespace DotnetPprof.Tests.Fuzz;

/// <summary>Machine code of a target's, and the files it is kept in.</summary>
internal static class FuzzedCode
{
    private const ulong Address = 0x7f0000001000;

    private static readonly string s_path = Path.GetTempFileName();

    static FuzzedCode() => AppDomain.CurrentDomain.ProcessExit += (_, _) => File.Delete(s_path);

    internal static IEnumerable<byte[]> Bodies()
    {
        /* push rbp; sub rsp, 0x30; lea rbp, [rsp+0x30]; call; nop; add rsp, 0x30; pop rbp; ret */
        yield return [0x55, 0x48, 0x83, 0xec, 0x30, 0x48, 0x8d, 0x6c, 0x24, 0x30, 0xe8, 1, 0, 0, 0, 0x90, 0x48, 0x83, 0xc4, 0x30, 0x5d, 0xc3];
        /* push rax; test edi, edi; je +5; call; inc rax; add rsp, 8; ret, and an OSR body's beginning */
        yield return [0x50, 0x85, 0xff, 0x74, 5, 0xe8, 0, 0, 0, 0, 0x48, 0xff, 0xc0, 0x48, 0x83, 0xc4, 8, 0xc3];
        yield return [0x48, 0x8b, 0x45, 0, 0x50, 0x48, 0x83, 0xec, 0x20, 0x90, 0x48, 0x83, 0xc4, 0x58, 0x5d, 0xc3];
    }

    internal static void Analyse(byte[] input)
    {
        new MethodAnalyser().Analyse(input, Address);
        StubAnalyser.Analyse(input, Address, out _);
        for (int at = 0; at < Math.Min(input.Length, 64); at++)
            StubKinds.Find(input, at);
    }

    internal static IEnumerable<byte[]> Files()
    {
        HotBody body = new("A.B()", Address, [0x55, 0x90, 0xe8, 0, 0, 0, 0, 0x5d, 0xc3], [new(1, 2, 3_000_000), new(7, 1, 1)], [new(0, "/src/A.cs", 7, ""), new(2, "/src/A.cs", 8, "C.D()")]);
        string text = JsonSerializer.Serialize(new[] { body, body with { Name = "E()" } });
        yield return Encoding.UTF8.GetBytes(text);
        /* Times that add up to more than there is room for. */
        yield return Encoding.UTF8.GetBytes(text.Replace("3000000", $"{long.MaxValue}", StringComparison.Ordinal));
    }

    internal static void ReadFile(byte[] input) => FuzzedParsers.Expect<UserError>(() =>
    {
        using (var packed = new System.IO.Compression.GZipStream(File.Create(s_path), System.IO.Compression.CompressionLevel.Fastest))
            packed.Write(input);
        foreach (HotBody body in BodyListing.Matching(CodeFile.Read(s_path), ""))
        {
            foreach (string line in BodyListing.Lines(body))
                _ = line.Length;
        }
    });
}
