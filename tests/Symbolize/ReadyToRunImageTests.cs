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
        Assert.True(PortableImage.IsPortableExecutable(bytes));
        ReadyToRunImage image = ReadyToRunImage.Read(bytes);
        int found = 0;
        for (ulong offset = 0; offset < bytes.Length; offset += 4096)
        {
            if (image.FunctionAt(offset) is not { } function) continue;
            found++;
            Assert.True(function.Distance < function.Size);
            Assert.Equal(function with { Distance = 0 }, image.FunctionAt(offset - function.Distance));
        }

        Assert.True(found > 100, $"{found} pages of code");
        Assert.Null(image.FunctionAt(0));
        Assert.Null(image.FunctionAt(bytes.Length));
        Assert.Null(image.FunctionAt(ulong.MaxValue));
    }

    [Fact]
    public void MethodsOfTheCoreLibraryAreFoundByTheirFunctions()
    {
        string path = typeof(object).Assembly.Location;
        if (path.Length == 0) Assert.Skip("the core library is not a file here");
        using ByteSource bytes = ByteSource.OfFile(path);
        using var metadata = new AssemblyMetadata(new PortableImage(bytes));
        ReadyToRunImage image = ReadyToRunImage.Read(bytes);
        var names = new HashSet<string>();
        for (uint i = 0; i < 100_000; i++)
        {
            if (image.DefinitionAt(i) is { } token) names.Add(metadata.FunctionOf(token)!.Name);
        }

        Assert.True(names.Count > 10_000, $"{names.Count} names");
        Assert.Contains("System.String.Concat(string, string)", names);
        Assert.Contains("System.IO.StreamReader.ReadLine()", names);
    }

    [Fact]
    public void DamagedArraysHaveFewerElements()
    {
        var random = new Random(5);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            var array = new NativeFormatArray(bytes);
            for (uint i = 0; i < Math.Min(array.Count, 200); i++) Assert.InRange(array.Find(i) ?? 0, 0, bytes.Length);
        }
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
