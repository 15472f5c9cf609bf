using System.Text;
using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class ModuleEventTests
{
    private static readonly Guid s_pdb = Guid.NewGuid();
    private static readonly byte[] s_whole =
    [
        .. BitConverter.GetBytes(0x7f00_1234_5678UL), .. new byte[16], .. Encoding.Unicode.GetBytes("/app/Some.dll\0/native\0"), 9, 0, .. s_pdb.ToByteArray(), 3, 0, 0, 0,
        .. Encoding.Unicode.GetBytes("Some.pdb\0"),
    ];

    [Fact]
    public void WhatItSaysIsRead()
    {
        Assert.True(ModuleEvent.TryRead(s_whole, 2, out ModuleEvent e));
        Assert.Equal(0x7f00_1234_5678UL, e.ModuleId);
        Assert.Equal("/app/Some.dll", e.Path.ToString());
        Assert.Equal(s_pdb, e.PdbSignature);
        Assert.Equal(3, e.PdbAge);
    }

    [Fact]
    public void EarlierVersionsTellOfNoPdb()
    {
        Assert.True(ModuleEvent.TryRead(s_whole, 1, out ModuleEvent e));
        Assert.Equal("/app/Some.dll", e.Path.ToString());
        Assert.Equal(Guid.Empty, e.PdbSignature);
        Assert.Equal(0, e.PdbAge);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void OneThatIsShorterThanItsFieldsIsNotRead(int version)
    {
        int fields = s_whole.Length - ("Some.pdb\0".Length * 2) - (version < 2 ? 20 : 0);
        for (int length = 0; length < s_whole.Length; length++)
            Assert.Equal(length >= fields, ModuleEvent.TryRead(s_whole.AsSpan(0, length), version, out _));
    }
}
