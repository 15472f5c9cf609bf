using System.Runtime.InteropServices;
using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>Was the thread in a system call? Told from the code at the interrupted instruction and from RAX.</summary>
public sealed unsafe class LeaseTests : IDisposable
{
    private const long InterruptedCall = -4;
    private const int PageSize = 4096;

    private readonly byte* code = (byte*)NativeMemory.AlignedAlloc(2 * PageSize, PageSize);

    public LeaseTests() => new Span<byte>(code, 2 * PageSize).Fill(0x90);

    public void Dispose() => NativeMemory.AlignedFree(code);

    [Theory]
    [InlineData(100, 0L, true)] // at the instruction: the call will be made again
    [InlineData(102, InterruptedCall, true)]
    [InlineData(102, 0L, false)] // it had returned: the thread was running
    [InlineData(102, 4L, false)]
    [InlineData(102, -11L, false)]
    [InlineData(101, InterruptedCall, false)]
    [InlineData(103, InterruptedCall, false)]
    [InlineData(200, InterruptedCall, false)]
    public void SystemCallAtByte100(int ip, long rax, bool expected)
    {
        Syscall(100);
        Assert.Equal(expected, Interrupted(ip, rax));
    }

    /// <summary>The page before or behind may not be there.</summary>
    [Theory]
    [InlineData(PageSize - 1, PageSize - 1, 0L)]
    [InlineData(PageSize - 1, PageSize + 1, InterruptedCall)]
    [InlineData(PageSize - 2, PageSize, InterruptedCall)]
    public void InstructionOnTwoPagesIsNotLookedAt(int at, int ip, long rax)
    {
        Syscall(at);
        Assert.False(Interrupted(ip, rax));
    }

    [Fact]
    public void LastInstructionOfAPage()
    {
        Syscall(PageSize - 2);
        Assert.True(Interrupted(PageSize - 2, 0));
        Syscall(PageSize);
        Assert.True(Interrupted(PageSize + 2, InterruptedCall));
    }

    private void Syscall(int at) => (code[at], code[at + 1]) = (0x0F, 0x05);

    private bool Interrupted(int ip, long rax) => Shim.InterruptedSyscall((ulong)(code + ip), rax) != 0;
}
