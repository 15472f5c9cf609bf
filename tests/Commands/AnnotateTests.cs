using DotnetPprof.Annotate;
using DotnetPprof.Model;
using Xunit;

namespace DotnetPprof.Tests.Commands;

public sealed class AnnotateTests : IDisposable
{
    private static readonly HotBody s_body = new(
        "Shop.Cart.Total(int)", 0x7f0000001000, [0x48, 0x01, 0xd8, 0x0f, 0xaf, 0xc3, 0xc3], [new(3, 8, 8_000_000), new(6, 2, 2_000_000)],
        [new(0, "/src/Cart.cs", 10, ""), new(3, "/src/Cart.cs", 11, "Shop.Line.Price()")]);

    private readonly string directory = Directory.CreateTempSubdirectory("annotate").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void EachInstructionHasItsShareAndItsLine()
    {
        string[] lines = [.. BodyListing.Lines(s_body)];
        Assert.Equal(5, lines.Length);
        Assert.Contains("add rax, rbx", lines[2]);
        Assert.EndsWith("; Cart.cs:10", lines[2]);
        Assert.Contains("80.0%", lines[3]);
        Assert.Contains("imul eax, ebx", lines[3]);
        Assert.EndsWith("; Cart.cs:11 (Shop.Line.Price())", lines[3]);
        Assert.Contains("20.0%", lines[4]);
        Assert.Contains("7f0000001006  ret", lines[4]);
    }

    [Theory]
    [InlineData("Shop.Cart.Total", true)]
    [InlineData("Cart.Total", true)]
    [InlineData("Cart.Sum", false)]
    public void MethodsAreFoundByTheirNameOrAPartOfIt(string method, bool found)
    {
        if (found) Assert.Same(s_body, Assert.Single(BodyListing.Matching([s_body], method)));
        else Assert.Throws<UserError>(() => BodyListing.Matching([s_body], method));
    }

    [Fact]
    public void CodeSurvivesItsFileAndDamagedOnesAreOneLine()
    {
        string path = CodeFile.BesideProfile(Path.Combine(directory, "a.pb.gz"));
        CodeFile.Write(path, [s_body]);
        HotBody read = Assert.Single(CodeFile.Read(path));
        Assert.Equal(BodyListing.Lines(s_body), BodyListing.Lines(read));
        byte[] bytes = File.ReadAllBytes(path);
        var random = new Random(2);
        for (int round = 0; round < 500; round++)
        {
            byte[] damaged = bytes[..random.Next(bytes.Length)];
            if (damaged.Length > 0) damaged[random.Next(damaged.Length)] ^= (byte)random.Next(1, 256);
            File.WriteAllBytes(path, damaged);
            try
            {
                foreach (HotBody body in CodeFile.Read(path)) _ = BodyListing.Lines(body).Count();
            }
            catch (UserError error)
            {
                Assert.DoesNotContain('\n', error.Message);
            }
        }

        Assert.Contains("--code", Assert.Throws<UserError>(() => CodeFile.Read(path + "x")).Message);
    }
}
