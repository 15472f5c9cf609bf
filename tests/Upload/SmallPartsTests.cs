using System.Security.Cryptography;
using DotnetPprof.Model;
using DotnetPprof.Upload;
using DotnetPprof.Upload.Otlp;
using Xunit;

namespace DotnetPprof.Tests.Upload;

/// <summary>Addresses, waits, hashes and ids.</summary>
public sealed class SmallPartsTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dotnet-pprof-test-");

    public void Dispose() => directory.Delete(recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("localhost:4040")]
    [InlineData("ftp://host")]
    [InlineData("http://user:secret@host")]
    [InlineData("http://host/?a=b")]
    public void AddressesAreChecked(string text)
    {
        UserError error = Assert.Throws<UserError>(() => UploadOptions.Address("--push", text));
        Assert.Equal(ExitCode.Argument, error.Code);
        Assert.StartsWith("--push", error.Message);
        Assert.DoesNotContain("secret", error.Message);
    }

    [Theory]
    [InlineData("http://host:4318", "http://host:4318/v1development/profiles")]
    [InlineData("https://host/otlp/", "https://host/otlp/v1development/profiles")]
    [InlineData("https://host/v1development/profiles", "https://host/v1development/profiles")]
    public void OtlpPathIsAdded(string given, string used) => Assert.Equal(used, OtlpAddress.Endpoint(new Uri(given)).AbsoluteUri);

    [Theory]
    [InlineData("http://host:4317", null, typeof(OtlpGrpcClient))]
    [InlineData("http://host:4318", null, typeof(OtlpHttpClient))]
    [InlineData("https://host", null, typeof(OtlpHttpClient))]
    [InlineData("https://host", "grpc", typeof(OtlpGrpcClient))]
    [InlineData("https://host:4317", "http/protobuf", typeof(OtlpHttpClient))]
    public void PortOrVariableChoosesTheProtocol(string url, string? protocol, Type expected)
    {
        using IUploadClient client = OtlpAddress.Client(new Uri(url), name => name == "OTEL_EXPORTER_OTLP_PROTOCOL" ? protocol : null, TimeSpan.FromSeconds(1));
        Assert.IsType(expected, client);
    }

    [Fact]
    public void SenselessVariablesAreErrors()
    {
        Assert.Throws<UserError>(() => OtlpAddress.Client(new Uri("http://host"), name => name.EndsWith("PROTOCOL", StringComparison.Ordinal) ? "http/json" : null, default));
        Assert.Throws<UserError>(() => OtlpAddress.Client(new Uri("http://host"), name => name.EndsWith("HEADERS", StringComparison.Ordinal) ? "novalue" : null, default));
        Assert.Throws<UserError>(() => OtlpAddress.Client(new Uri("http://host:4317/path"), _ => null, default));
    }

    [Fact]
    public void WaitsGrowWithJitterUpToABound()
    {
        var backoff = new Backoff(new Random(3));
        TimeSpan step = Backoff.First;
        for (int i = 0; i < 20; i++)
        {
            Assert.InRange(backoff.Next(null), step / 2, step);
            step = step * 2 < Backoff.Longest ? step * 2 : Backoff.Longest;
        }
        Assert.InRange(backoff.Next(TimeSpan.FromSeconds(10)), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(11));
        Assert.InRange(backoff.Next(TimeSpan.FromDays(9)), Backoff.LongestAsked, Backoff.LongestAsked * 1.1);
        Assert.InRange(backoff.Next(TimeSpan.Zero), Backoff.Longest / 2, Backoff.Longest);
        backoff.Reset();
        Assert.InRange(backoff.Next(null), Backoff.First / 2, Backoff.First);
    }

    [Theory]
    [InlineData("0::/system.slice/docker-{0}.scope\n")]
    [InlineData("12:cpu:/docker/{0}\n11:memory:/docker/{0}\n0::/docker/{0}\n")]
    [InlineData("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{0}.scope\n")]
    [InlineData("0::/machine.slice/libpod-ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff.scope/container/libpod-{0}\n")]
    public void ContainerIdsAreFound(string text)
    {
        string id = Convert.ToHexStringLower(SHA256.HashData([1]));
        Assert.Equal(id, ContainerId.Of(text.Replace("{0}", id, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0::/user.slice/user-1000.slice\n")]
    [InlineData("0::/a0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01\n")]
    public void NoContainerHasNoId(string text) => Assert.Equal("", ContainerId.Of(text));

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(4096)]
    [InlineData(100_000)]
    public void FileHashIsOpenTelemetrys(int length)
    {
        byte[] contents = RandomNumberGenerator.GetBytes(length);
        string path = Path.Join(directory.FullName, "file");
        File.WriteAllBytes(path, contents);
        byte[] head = contents[..Math.Min(length, 4096)];
        byte[] tail = contents[Math.Max(0, length - 4096)..];
        byte[] size = [0, 0, 0, 0, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length];
        string expected = Convert.ToHexStringLower(SHA256.HashData([.. head, .. tail, .. size])[..16]);
        Assert.Equal(expected, FileHash.Of(path));
        Assert.Equal(expected, new FileHash().Of(Environment.ProcessId, path));
    }

    /// <summary>A target may name anything as its file.</summary>
    [Fact]
    public void OnlyRegularFilesAreHashed()
    {
        string pipe = Path.Join(directory.FullName, "pipe");
        using var mkfifo = System.Diagnostics.Process.Start("mkfifo", pipe);
        mkfifo.WaitForExit();
        Assert.Null(FileHash.Of(pipe));
        Assert.Null(FileHash.Of("/dev/zero"));
        Assert.Null(FileHash.Of(directory.FullName));
        Assert.Null(FileHash.Of("/nowhere"));
    }
}
