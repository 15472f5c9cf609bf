using System.IO.Compression;
using DotnetPprof.Emit;
using DotnetPprof.Model;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.Emit;

public class PprofWriterTests
{
    [Fact]
    public void TinyProfileComesOutAsWritten() => Assert.Equal(
        """
        types samples/count cpu/nanoseconds default cpu
        period cpu/nanoseconds 4000000 time 1700000000123456789 duration 5000000001
        comment engine: timer
        comment clock: tsc
        sample 3 12000000: 1 2 thread id='4711' thread name='worker 🦀'
        sample 1 4000001: 3 2 thread id='12' end_timestamp_ns=1700000001000000007
        sample 0 9: 4
        mapping 1 400000-401000 +0 /usr/bin/app b1
        mapping 2 0-0 +0 /srv/App.dll 0f3c FNLI
        mapping 3 0-0 +0 [dotnet-pprof]  FNL
        location 1 in 2 at 7f0000001010 1:41 2:12
        location 2 in 2 at 7f0000002020 3:0
        location 3 in 1 at 400123
        location 4 in 3 at 0 4:0
        function 1 App.Parser.Skip() | instance void App.Parser::Skip() | Parser.cs:40
        function 2 App.Parser.Parse<T>(string) | valuetype App.Parser::Parse<!!0>(string) | Parser.cs:10
        function 3 App.Program.Run() |  | :0
        function 4 [lost samples] |  | :0

        """,
        PprofText.Of(WriteAndRead(TinyProfile.Create())));

    [Fact]
    public void ResultIsValid() => WriteAndRead(TinyProfile.Create()).CheckValid();

    [Fact]
    public void ResultIsGzipped() => Assert.Equal([0x1f, 0x8b], Write(TinyProfile.Create())[..2]);

    [Fact]
    public void SameInputGivesSameBytes() => Assert.Equal(Write(TinyProfile.Create()), Write(TinyProfile.Create()));

    [Fact]
    public void ProfileWithoutSamplesIsValid()
    {
        PprofFile file = WriteAndRead(TinyProfile.Create([]));
        file.CheckValid();
        Assert.Empty(file.Samples);
        Assert.Equal("/usr/bin/app", Assert.Single(file.Mappings).FileName);
    }

    [Fact]
    public void EqualPlacesThatAreNotTheSameInstanceStayApart()
    {
        var a = new Location(TinyProfile.App, new InstructionPointer(1), [new Line(TinyProfile.Run, 1)]);
        var b = new Location(TinyProfile.App, new InstructionPointer(1), [new Line(TinyProfile.Run, 1)]);
        PprofFile file = WriteAndRead(TinyProfile.Create(new ProfileSample([a, b, a], null, 1, 1, null)));
        Assert.Equal([1UL, 2UL, 1UL], file.Samples[0].LocationIds);
        Assert.Single(file.Functions);
    }

    [Fact]
    public void NamesThatAreNoUnicodeAreReplacedNotFatal()
    {
        var odd = new Function("A.\ud800", "", "", 0);
        var odder = new Function("A.\udc00b", "", "", 0);
        var place = new Location(TinyProfile.App, default, [new Line(odd, 0), new Line(odder, 0)]);
        PprofFile file = WriteAndRead(TinyProfile.Create(new ProfileSample([place], null, 1, 1, null)));
        file.CheckValid();
        Assert.Equal(["A.\ufffd", "A.\ufffdb"], file.Samples[0].FunctionNames);
    }

    [Fact]
    public void LargeValuesSurvive()
    {
        var place = new Location(TinyProfile.App, new InstructionPointer(ulong.MaxValue), [new Line(TinyProfile.Run, int.MaxValue)]);
        PprofFile file = WriteAndRead(TinyProfile.Create(new ProfileSample([place], null, long.MaxValue, long.MaxValue, new(long.MaxValue))));
        Assert.Equal([long.MaxValue, long.MaxValue], file.Samples[0].Values);
        Assert.Equal(long.MaxValue, file.Samples[0].Label("end_timestamp_ns")!.Number);
        Assert.Equal(ulong.MaxValue, file.Locations[0].Address);
        Assert.Equal(int.MaxValue, file.Locations[0].Lines[0].Line);
    }

    internal static byte[] Write(Profile profile)
    {
        using var output = new MemoryStream();
        PprofWriter.Write(profile, output);
        return output.ToArray();
    }

    internal static byte[] Unpacked(Profile profile)
    {
        using var gzip = new GZipStream(new MemoryStream(Write(profile)), CompressionMode.Decompress);
        using var unpacked = new MemoryStream();
        gzip.CopyTo(unpacked);
        return unpacked.ToArray();
    }

    private static PprofFile WriteAndRead(Profile profile) => PprofFile.Read(new MemoryStream(Write(profile)));
}
