using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class ProcessMapsTests
{
    [Fact]
    public void LinesAreRead()
    {
        List<MapRegion> regions = ProcessMaps.Parse(
            """
            55d0c0a00000-55d0c0a05000 r-xp 00002000 fe:01 1234                       /usr/share/dotnet/dotnet
            7f0000000000-7f0000001000 rw-p 00000000 00:00 0 
            7f0000002000-7f0000003000 r-xp 00001000 fe:01 99                         /opt/my app/lib (x).so
            7f0000004000-7f0000005000 r-xp 00000000 fe:01 98                         /tmp/gone.so (deleted)
            7f0000006000-7f0000007000 r-xs 0001a000 00:01 2048                       /memfd:doublemapper (deleted)
            7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
            7ffc000f0000-7ffc000f2000 r-xp 00000000 00:00 0                          [vdso]
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
            """);

        Assert.Equal(
            [
                new MapRegion(0x55d0c0a00000, 0x55d0c0a05000, 0x2000, true, "/usr/share/dotnet/dotnet", false),
                new MapRegion(0x7f0000000000, 0x7f0000001000, 0, false, "", false),
                new MapRegion(0x7f0000002000, 0x7f0000003000, 0x1000, true, "/opt/my app/lib (x).so", false),
                new MapRegion(0x7f0000004000, 0x7f0000005000, 0, true, "/tmp/gone.so", true),
                new MapRegion(0x7f0000006000, 0x7f0000007000, 0x1a000, true, "/memfd:doublemapper", true),
                new MapRegion(0x7ffc00000000, 0x7ffc00021000, 0, false, "[stack]", false),
                new MapRegion(0x7ffc000f0000, 0x7ffc000f2000, 0, true, "[vdso]", false),
                new MapRegion(0xffffffffff600000, 0xffffffffff601000, 0, true, "[vsyscall]", false),
            ],
            regions);
        Assert.True(regions[4].IsRuntimeCode);
        Assert.False(regions[4].HasFile);
        Assert.True(regions[3].HasFile);
        Assert.False(regions[6].HasFile);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("7f00-")]
    [InlineData("7f00-7e00 r-xp 0 00:00 0")]
    [InlineData("7f00-7f00 r-xp 0 00:00 0")]
    [InlineData("zz-7f00 r-xp 0 00:00 0")]
    [InlineData("7f00-8000 r-x 0 00:00 0")]
    [InlineData("7f00-8000 r-xp 0 00:00")]
    [InlineData("7f00-8000 r-xp -1 00:00 0")]
    public void LinesOfAnotherFormAreLeftOut(string text) => Assert.Empty(ProcessMaps.Parse(text));

    [Fact]
    public void OnlyLinesOfCodeAreKept()
    {
        const string maps = """
            55d0c0a00000-55d0c0a01000 r--p 00000000 fe:01 1234 /usr/bin/dotnet
            55d0c0a01000-55d0c0a02000 r-xp 00001000 fe:01 1234 /usr/bin/dotnet
            7f0000000000-7f0000010000 rw-s 00000000 00:01 5 /memfd:doublemapper (deleted)
            7f0000010000-7f0000020000 rw-p 00000000 00:00 0
            7f0000020000-7f0000030000 rwxp 00000000 00:00 0
            7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]
            7ffc000f0000-7ffc000f2000 r-xp 00000000 00:00 0 [vdso]
            x
            """;
        byte[] text = System.Text.Encoding.UTF8.GetBytes(maps);
        int kept = ProcessMaps.KeepCode(text);
        Assert.Equal(
            ProcessMaps.Parse(maps).FindAll(region => region.Executable || region.IsRuntimeCode),
            ProcessMaps.Parse(System.Text.Encoding.UTF8.GetString(text, 0, kept)));
        Assert.DoesNotContain("[stack]", System.Text.Encoding.UTF8.GetString(text, 0, kept));
        Assert.Equal(0, ProcessMaps.KeepCode([]));
    }
}
