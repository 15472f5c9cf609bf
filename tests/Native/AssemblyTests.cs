using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>What is read off the runtime's assembly where its tables are wrong: code of .NET 10's libcoreclr.so.</summary>
public sealed unsafe class AssemblyTests
{
    [Theory]
    [InlineData("c3", 8, 0)]
    [InlineData("5d c3", 16, 16)]
    [InlineData("41 5c 41 5d 41 5e 41 5f 5b 5d c3", 56, 16)] // pop r12, r13, r14, r15, rbx, rbp; ret
    [InlineData("5d 5b c3", 24, 24)]
    [InlineData("5b", 0, 0)]
    [InlineData("5c c3", 0, 0)] // pop rsp
    [InlineData("48 83 c4 30 5d c3", 0, 0)]
    public void EpilogueIsPopsAndAReturn(string code, int cfa, int savedRbp)
    {
        byte[] bytes = Bytes(code);
        ushort saved = 0;
        fixed (byte* first = bytes)
        {
            Assert.Equal(cfa, Shim.Epilogue(first, (uint)bytes.Length, &saved));
            Assert.Equal(savedRbp, saved);
        }
    }

    /// <summary>OnHijackTripThread: what takes the place of a return address while a thread is brought to a stop.</summary>
    [Theory]
    [InlineData("50 55 53 4157 4156 4155 4154 51 52 50 4889e7 488d6424e0 660f7f0424 e800000000 488d642420 58 5a 59 415c 415d 415e 415f 5b 5d c3", true)]
    [InlineData("55 53 4157 e800000000 415f 5b 5d c3", false)]
    [InlineData("50 e800000000 59 c3", false)] // pushed for the stack's alignment
    [InlineData("50 53 e800000000 5b 59 c3", false)]
    public void FunctionThatPopsOneWordLessThanItPushesReturnsToTheFirst(string code, bool returns)
    {
        byte[] bytes = Bytes(code);
        fixed (byte* first = bytes)
            Assert.Equal(returns ? 1u : 0, Shim.ReturnsIntoOwn(first, (uint)bytes.Length));
    }

    private static byte[] Bytes(string hexadecimal) => Convert.FromHexString(hexadecimal.Replace(" ", "", StringComparison.Ordinal));
}
