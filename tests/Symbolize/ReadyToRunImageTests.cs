using System.Reflection;
using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class ReadyToRunImageTests
{
    [Fact]
    public void TheFunctionsOfTheCoreLibraryAreFound()
    {
        string path = typeof(object).Assembly.Location;
        if (path.Length == 0) Assert.Skip("the core library is not a file here");
        using ByteSource bytes = ByteSource.OfFile(path);
        Assert.True(ReadyToRunImage.IsPortableExecutable(bytes));
        ReadyToRunImage image = ReadyToRunImage.Read(bytes);
        int found = 0;
        for (ulong offset = 0; offset < bytes.Length; offset += 4096)
        {
            if (image.FunctionAt(offset) is not { } function) continue;
            found++;
            Assert.True(function.Distance < function.Size);
            Assert.Equal((0u, function.Size), image.FunctionAt(offset - function.Distance));
        }

        Assert.True(found > 100, $"{found} pages of code");
        Assert.Null(image.FunctionAt(0));
        Assert.Null(image.FunctionAt(bytes.Length));
        Assert.Null(image.FunctionAt(ulong.MaxValue));
    }

    [Fact]
    public void AnAssemblyWithoutPrecompiledCodeHasNoFunctions()
    {
        using ByteSource bytes = ByteSource.OfFile(Assembly.GetExecutingAssembly().Location);
        Assert.Null(ReadyToRunImage.Read(bytes).FunctionAt(0x400));
    }

    [Fact]
    public void DamagedImagesFailCleanly()
    {
        byte[] whole = File.ReadAllBytes(Assembly.GetExecutingAssembly().Location);
        for (int length = 0; length < 1024; length++) ReadAll(whole.AsMemory(0, length));
        var random = new Random(3);
        for (int round = 0; round < 5000; round++)
        {
            byte[] damaged = whole[..4096];
            for (int i = 0; i < 4; i++) damaged[random.Next(0x300)] = (byte)random.Next(256);
            ReadAll(damaged);
        }
    }

    private static void ReadAll(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using ByteSource source = ByteSource.OfMemory(bytes);
            ReadyToRunImage image = ReadyToRunImage.Read(source);
            for (ulong offset = 0; offset < 4096; offset += 256) image.FunctionAt(offset);
        }
        catch (InvalidDataException)
        {
        }
    }
}
