using DotnetPprof.Emit;
using DotnetPprof.Model;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.Emit;

public sealed class ProfileFileTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("dotnet-pprof-test-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void WritesTheProfileAndNothingElse()
    {
        ProfileFile.WriteAtomically(InDirectory("a.pb.gz"), TinyProfile.Create());
        PprofFile.Read(InDirectory("a.pb.gz")).CheckValid();
        Assert.Single(Directory.GetFileSystemEntries(directory));
    }

    [Fact]
    public void ReplacesWhatWasThere()
    {
        File.WriteAllText(InDirectory("a.pb.gz"), new string('x', 100_000));
        ProfileFile.WriteAtomically(InDirectory("a.pb.gz"), TinyProfile.Create());
        PprofFile.Read(InDirectory("a.pb.gz")).CheckValid();
    }

    [Fact]
    public void SymbolicLinkStaysOne()
    {
        File.WriteAllText(InDirectory("real"), "");
        File.CreateSymbolicLink(InDirectory("link"), InDirectory("real"));
        ProfileFile.WriteAtomically(InDirectory("link"), TinyProfile.Create());
        Assert.NotNull(new FileInfo(InDirectory("link")).LinkTarget);
        PprofFile.Read(InDirectory("real")).CheckValid();
    }

    [Fact]
    public void SymbolicLinkAtTheVeryPathIsReplaced()
    {
        File.WriteAllText(InDirectory("real"), "somebody's own");
        File.CreateSymbolicLink(InDirectory("link"), InDirectory("real"));
        ProfileFile.WriteInPlace(InDirectory("link"), TinyProfile.Create());
        Assert.Null(new FileInfo(InDirectory("link")).LinkTarget);
        PprofFile.Read(InDirectory("link")).CheckValid();
        Assert.Equal("somebody's own", File.ReadAllText(InDirectory("real")));
        Assert.Equal(2, Directory.GetFileSystemEntries(directory).Length);
    }

    [Fact]
    public void FailureLeavesTheOldFileAndNoTemporaryOne()
    {
        File.WriteAllText(InDirectory("a.pb.gz"), "old");
        UserError error = Assert.Throws<UserError>(() => ProfileFile.WriteAtomically(InDirectory("a.pb.gz"), output =>
        {
            output.WriteByte(1);
            throw new IOException("No space left on device");
        }));
        Assert.Equal(ExitCode.Tracing, error.Code);
        Assert.Equal($"cannot write '{InDirectory("a.pb.gz")}': No space left on device", error.Message);
        Assert.Equal("old", File.ReadAllText(InDirectory("a.pb.gz")));
        Assert.Single(Directory.GetFileSystemEntries(directory));
    }

    [Fact]
    public void FullDeviceIsOneLine()
    {
        UserError error = Assert.Throws<UserError>(() => ProfileFile.WriteAtomically("/dev/full", TinyProfile.Create()));
        Assert.Equal(ExitCode.Tracing, error.Code);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void NullDeviceStaysADevice()
    {
        ProfileFile.WriteAtomically("/dev/null", TinyProfile.Create());
        Assert.Empty(File.ReadAllBytes("/dev/null"));
    }

    [Theory]
    [InlineData("missing/a.pb.gz", "its directory does not exist")]
    [InlineData("a\0b", "Null character in path")]
    [InlineData(".", "it is a directory")]
    public void BadPathIsAnArgumentErrorBeforeAndAfterTheCapture(string path, string reason)
    {
        string full = directory + "/" + path;
        UserError before = Assert.Throws<UserError>(() => ProfileFile.CheckWritable(full));
        UserError after = Assert.Throws<UserError>(() => ProfileFile.WriteAtomically(full, TinyProfile.Create()));
        Assert.Equal(ExitCode.Argument, before.Code);
        Assert.Equal(before.Message, after.Message);
        Assert.Contains(reason, after.Message);
    }

    [Fact]
    public void UnwritableFileSystemIsOneLine()
    {
        // Nobody may create files in /proc/1, root included.
        UserError error = Assert.Throws<UserError>(() => ProfileFile.WriteAtomically("/proc/1/a.pb.gz", TinyProfile.Create()));
        Assert.StartsWith("cannot write '/proc/1/a.pb.gz': ", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void CheckWritableLeavesNothing()
    {
        ProfileFile.CheckWritable(InDirectory("a.pb.gz"));
        Assert.Empty(Directory.GetFileSystemEntries(directory));
    }

    private string InDirectory(string name) => Path.Join(directory, name);
}
