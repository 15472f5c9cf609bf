using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class ElfTests
{
    private static readonly ElfBuilder Full = new ElfBuilder { Frames = [(0x0, 0x20), (0x100, 0x40), (0x800, 0x10)] }
        .Symbol("main", 0x100, 0x40)
        .Symbol("local_alias", 0x100, 0x40, info: 0x02)
        .Symbol("asm_label", 0x200, 0, info: 0x10)
        .Symbol("next", 0x240, 0x10)
        .Symbol("undefined", 0x0, 0x1000, section: 0)
        .Symbol("data", 0x300, 0x10, info: 0x11)
        .Symbol("outside", 0x5000, 0x10)
        .Symbol("too_long", 0xf00, 0xffff_ffff_ffff_ff00);

    [Fact]
    public void AFilesFrameIsRead()
    {
        using ElfFile file = ElfFile.Read(ByteSource.OfMemory(Full.Build()));
        Assert.Equal("abcdef01", file.BuildId);
        Assert.Equal(0x401010UL, file.AddressOf(0x1010));
        Assert.Null(file.AddressOf(0x0));
        Assert.Null(file.AddressOf(0x2000));
        Assert.Null(file.AddressOf(0x3004));
        Assert.Equal(0x1010UL, file.OffsetOf(0x401010, 16));
        Assert.Null(file.OffsetOf(0x401ff8, 16));
    }

    [Theory]
    [InlineData(0x100, "main")]
    [InlineData(0x13f, "main")]
    [InlineData(0x140, null)]
    [InlineData(0x200, "asm_label")]
    [InlineData(0x23f, "asm_label")]
    [InlineData(0x24f, "next")]
    [InlineData(0x250, null)]
    [InlineData(0x305, null)]
    [InlineData(0x50, null)]
    [InlineData(0xf80, "too_long")]
    [InlineData(0x1000, null)]
    public void SymbolsNameWhatIsTheirs(ulong offset, string? expected)
    {
        using ElfFile file = ElfFile.Read(ByteSource.OfMemory(Full.Build()));
        Assert.Equal(expected, ElfSymbols.Read(file)?.Find(ElfBuilder.TextAddress + offset)?.Name);
    }

    [Fact]
    public void AnExportNamesOnlyWithinItsSize()
    {
        byte[] stripped = new ElfBuilder { Dynamic = true }.Symbol("exported", 0x100, 0x40).Symbol("unsized", 0x200, 0).Build();
        using ElfFile file = ElfFile.Read(ByteSource.OfMemory(stripped));
        ElfSymbols symbols = ElfSymbols.Read(file)!;
        Assert.Equal("exported", symbols.Find(ElfBuilder.TextAddress + 0x110)?.Name);
        Assert.Null(symbols.Find(ElfBuilder.TextAddress + 0x150));
        Assert.Null(symbols.Find(ElfBuilder.TextAddress + 0x200));
    }

    [Fact]
    public void ASymbolAroundAnotherNamesWhatTheInnerLeaves()
    {
        byte[] nested = new ElfBuilder().Symbol("outer", 0x100, 0x100).Symbol("inner", 0x120, 0x10).Build();
        using ElfFile file = ElfFile.Read(ByteSource.OfMemory(nested));
        ElfSymbols symbols = ElfSymbols.Read(file)!;
        Assert.Equal("inner", symbols.Find(ElfBuilder.TextAddress + 0x12f)?.Name);
        Assert.Equal("outer", symbols.Find(ElfBuilder.TextAddress + 0x130)?.Name);
    }

    [Theory]
    [InlineData(0x0, 0x0, 0x20)]
    [InlineData(0x1f, 0x0, 0x20)]
    [InlineData(0x20, null, null)]
    [InlineData(0x13f, 0x100, 0x140)]
    [InlineData(0x140, null, null)]
    [InlineData(0x80f, 0x800, 0x810)]
    public void FrameDescriptionsGiveFunctionsTheirRange(ulong offset, int? start, int? end)
    {
        using ElfFile file = ElfFile.Read(ByteSource.OfMemory(Full.Build()));
        (ulong, ulong)? expected = start is null ? null : (ElfBuilder.TextAddress + (ulong)start, ElfBuilder.TextAddress + (ulong)end!);
        Assert.Equal(expected, EhFrameRanges.Read(file)!.Find(ElfBuilder.TextAddress + offset));
    }

    [Fact]
    public void ATruncatedFileFailsCleanlyAtEveryLength()
    {
        byte[] whole = Full.Build();
        for (int length = 0; length < whole.Length; length += length < 0x600 ? 1 : 7) ReadAll(whole.AsMemory(0, length));
    }

    [Fact]
    public void ADamagedFileFailsCleanly()
    {
        byte[] whole = Full.Build();
        var random = new Random(1);
        (int Start, int Length)[] parts = [(0, 0x120), (0x200, 0x20), (0x400, 0x100), (0x2000, 0x100), (0x3000, 0x60), (0x3800, 0x60)];
        byte[] values = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
        for (int round = 0; round < 20_000; round++)
        {
            byte[] damaged = [.. whole];
            for (int i = 0; i < 1 + (round % 4); i++)
            {
                (int start, int length) = parts[random.Next(parts.Length)];
                damaged[start + random.Next(length)] = round % 2 == 0 ? (byte)random.Next(256) : values[random.Next(values.Length)];
            }

            ReadAll(damaged);
        }
    }

    [Fact]
    public void OneOfTheSystemsLibrariesIsNamed()
    {
        const string path = "/lib/x86_64-linux-gnu/libc.so.6";
        if (!File.Exists(path)) Assert.Skip($"{path} is not here");
        using ElfFile file = ElfFile.Read(ByteSource.OfFile(path));
        Assert.InRange(file.BuildId.Length, 32, 40);
        Assert.True(ElfSymbols.Read(file)!.Count > 1000);
        Assert.NotNull(EhFrameRanges.Read(file));
    }

    /// <summary>Reads all there is; the one exception for a bad file is the only one that may come.</summary>
    private static void ReadAll(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using ElfFile file = ElfFile.Read(ByteSource.OfMemory(bytes));
            ElfSymbols? symbols = null;
            try
            {
                symbols = ElfSymbols.Read(file);
            }
            catch (InvalidDataException)
            {
            }

            EhFrameRanges? ranges = EhFrameRanges.Read(file);
            foreach (ulong offset in (ulong[])[0, 0x110, 0x210, 0x248, 0x805, 0xfff, ulong.MaxValue - ElfBuilder.TextAddress])
            {
                symbols?.Find(ElfBuilder.TextAddress + offset);
                ranges?.Find(ElfBuilder.TextAddress + offset);
                file.AddressOf(ElfBuilder.TextOffset + offset);
            }
        }
        catch (InvalidDataException)
        {
        }
    }
}
