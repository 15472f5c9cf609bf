using DotnetPprof.Emit;
using DotnetPprof.Model;
using DotnetPprof.Report;
using DotnetPprof.Tests.Emit;
using Xunit;

namespace DotnetPprof.Tests.Report;

public sealed class TopFunctionsReportTests : IDisposable
{
    private static readonly Location Leaf = Place("Leaf");
    private static readonly Location Recursive = Place("Recursive");
    private static readonly Location Root = Place("Root");
    private static readonly Location Inlined = Place("Inlinee", "Host");
    private static readonly Location Unnamed = new(new Mapping(1, 2, 0, "/lib/libx.so.6", "", false), new InstructionPointer(0x1f), []);

    private static readonly Profile Known = TinyProfile.Create(
        new ProfileSample([Leaf, Root], null, 1, 50, null),
        new ProfileSample([Recursive, Recursive, Root], null, 1, 30, null),
        new ProfileSample([Inlined, Root], null, 1, 15, null),
        new ProfileSample([Unnamed], null, 1, 5, null));

    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Fact]
    public void RanksByExclusive() => Assert.Equal(
        [
            new FunctionRow("Leaf", 50, 50, 50, 50),
            new FunctionRow("Recursive", 30, 30, 30, 30),
            new FunctionRow("Inlinee", 15, 15, 15, 15),
            new FunctionRow("libx.so.6!0x1f", 5, 5, 5, 5),
            new FunctionRow("Root", 0, 0, 95, 95),
            new FunctionRow("Host", 0, 0, 15, 15),
        ],
        TopFunctionsReport.Of(Known).Rank(10, inclusive: false));

    [Fact]
    public void RanksByInclusiveCountingAFunctionOncePerStack() => Assert.Equal(
        ["Root 95", "Leaf 50", "Recursive 30"],
        TopFunctionsReport.Of(Known).Rank(3, inclusive: true).Select(r => $"{r.Name} {r.Inclusive}"));

    [Fact]
    public void SavedProfileRanksAsInMemory()
    {
        ProfileFile.WriteAtomically(path, Known);
        TopFunctionsReport saved = TopFunctionsReport.Read(path);
        Assert.Equal(("cpu", "nanoseconds", 100L), (saved.ValueType, saved.Unit, saved.Total));
        Assert.Equal(TopFunctionsReport.Of(Known).Rank(10, inclusive: false), saved.Rank(10, inclusive: false));
    }

    [Fact]
    public void ReadsOtherProgramsProfiles()
    {
        // Not compressed; one sample type, no cpu; tables before samples; unpacked numbers; a function without a name.
        File.WriteAllBytes(path, Hex(
            "0a04 0801 1002", "3200 3205 7370616365 3205 6279746573 3201 67",
            "2a04 0807 1003", "2202 0863 2206 0805 2202 0807", "1206 0805 0863 1028"));
        TopFunctionsReport report = TopFunctionsReport.Read(path);
        Assert.Equal(("space", "bytes", 40L), (report.ValueType, report.Unit, report.Total));
        Assert.Equal(["g", "0x0"], report.Rank(5, inclusive: false).Select(r => r.Name));
    }

    [Fact]
    public void EmptyProfileHasNoFunctions()
    {
        ProfileFile.WriteAtomically(path, TinyProfile.Create([]));
        Assert.Empty(TopFunctionsReport.Read(path).Rank(5, inclusive: true));
    }

    [Theory]
    [InlineData("", "it is empty or cut off")]
    [InlineData("3200 3201 61", "no sample types or no string table")]
    [InlineData("0a02 0801 3201 61", "no sample types or no string table")]
    [InlineData("0a02 0801 3200", "string index points outside")]
    [InlineData("0a02 0801 3200 3201 61 1203 0a0101", "more or fewer values")]
    [InlineData("0a02 0801 3200 3201 61 1206 0a0101 120101", "a location that is not there")]
    [InlineData("0a02 0801 3200 3201 61 1206 0a0101 1205", "field longer than its message")]
    [InlineData("0a02 0801 3200 3201 61 12ffffffffffffffffff01", "field longer than its message")]
    [InlineData("0a02 0801 3200 3201 61 80", "number cut off")]
    [InlineData("0a02 0801 3200 3201 61 2a04 0801 1001 2a04 0801 1001", "has no id, or one that another has")]
    [InlineData("0a02 0801 3200 3201 61 2202 0801 2202 0801", "two locations have the same id")]
    [InlineData("0a02 0801 1001", "a field has the wrong type")]
    [InlineData("68656c6c6f 20 776f726c64", "wire type")]
    [InlineData("1f8b 0800", "it is empty or cut off")]
    [InlineData("1f8b 0900 0000 0000 0000 0102 0304", "gzip data is damaged")]
    public void BadFileIsOneLine(string hex, string reason)
    {
        File.WriteAllBytes(path, Hex(hex));
        UserError error = Assert.Throws<UserError>(() => TopFunctionsReport.Read(path));
        Assert.Equal(ExitCode.Argument, error.Code);
        Assert.Contains(path, error.Message);
        Assert.Contains(reason, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void FileCutBeforeItsEndIsRefused()
    {
        byte[] whole = PprofWriterTests.Write(TinyProfile.Create());
        for (int length = 0; length < whole.Length * 3 / 4; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Equal(ExitCode.Argument, Assert.Throws<UserError>(() => TopFunctionsReport.Read(path)).Code);
        }
    }

    [Theory]
    [InlineData("/nonexistent/a.pb.gz", "no such file")]
    [InlineData("/tmp", "it is a directory")]
    [InlineData("", "cannot read ''")]
    public void UnreadablePathIsOneLine(string unreadable, string reason)
    {
        UserError error = Assert.Throws<UserError>(() => TopFunctionsReport.Read(unreadable));
        Assert.Equal(ExitCode.Argument, error.Code);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void BombIsRefused()
    {
        using (var output = new System.IO.Compression.GZipStream(File.Create(path), System.IO.Compression.CompressionLevel.Fastest))
            output.Write(new byte[5 << 20]);
        UserError error = Assert.Throws<UserError>(() => ProfileBytes.Read(path, limit: 4 << 20));
        Assert.Equal($"'{path}' is too large: it unpacks to more than 4 MiB", error.Message);
    }

    [Fact]
    public void MutilatedFilesNeverCrash()
    {
        byte[] good = PprofWriterTests.Unpacked(TinyProfile.Create());
        var random = new Random(99);
        int valid = 0;
        for (int i = 0; i < 5_000; i++)
        {
            byte[] bad = good[..(i % 2 == 0 ? good.Length : random.Next(good.Length))];
            for (int flips = random.Next(1, 4); flips > 0 && bad.Length > 0; flips--)
                bad[random.Next(bad.Length)] = (byte)random.Next(256);
            try
            {
                PprofSummary.Read(bad, "bad", new FunctionTotals());
                valid++;
            }
            catch (UserError)
            {
            }
        }
        Assert.InRange(valid, 1, 4_999);
    }

    private static Location Place(params string[] names) =>
        new(TinyProfile.App, default, [.. names.Select(name => new Line(new Function(name, "", "", 0), 0))]);

    private static byte[] Hex(params string[] parts) => Convert.FromHexString(string.Concat(parts).Replace(" ", ""));
}
