using System.Text;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>
/// What cannot work is refused before it is touched, with the reason. Most targets are impostors: a program without
/// libraries that maps files named like those of the real ones.
/// </summary>
public sealed class RefusedTargetTests(ITestOutputHelper output) : IDisposable
{
    private const int Platform = 4;

    private readonly Collector collector = new();

    public void Dispose() => collector.Dispose();

    [Fact]
    public void OldLibcIsRefusedWithBothVersions() => Refuses(
        "runs on glibc 2.31; the agent needs 2.34 or newer",
        [],
        ("libcoreclr.so", "x"),
        ("libc.so.6", "GNU C Library (Debian GLIBC 2.31-13+deb11u11) stable release version 2.31.\nCopyright"));

    [Fact]
    public void MuslIsRefused() => Refuses("runs on musl libc (Alpine); the agent needs glibc 2.34 or newer", [], ("libcoreclr.so", "x"), ("ld-musl-x86_64.so.1", "x"));

    [Fact]
    public void NativeAotIsRefused() => Refuses("was compiled ahead of time (NativeAOT) and has no profiling interface", ["-DMARK=\"DotNetRuntimeDebugHeader\""]);

    [Fact]
    public void ARealNativeAotProgramIsRefused()
    {
        string program = PublishedProgram.Publish(collector.Directory, "net10.0", "-p:PublishAot=true", output);
        using var target = new ChildProcess(program, []);
        target.WaitForLine("ready");
        IsRefused(target, "was compiled ahead of time (NativeAOT) and has no profiling interface");
        target.CloseInput();
        Assert.Equal(0, target.WaitForExit());
    }

    /// <summary>As under an emulator, whose own header is this machine's.</summary>
    [Fact]
    public void AnotherProcessorsCodeIsRefused() => Refuses("runs arm64 code; only x64 is supported", [], ("libcoreclr.so", "\u007fELF\u0002\u0001\u0001\0\0\0\0\0\0\0\0\0\u0003\0\u00b7\0"));

    private void Refuses(string why, string[] options, params (string Name, string Content)[] files)
    {
        using var impostor = new CProgram("impostor", ["-static", .. options]);
        foreach ((string name, string content) in files)
            File.WriteAllBytes(Path.Combine(impostor.Folder, name), Encoding.Latin1.GetBytes(content));
        using var target = new ChildProcess(impostor.Path, files.Select(file => Path.Combine(impostor.Folder, file.Name)));
        target.WaitForLine("ready");
        IsRefused(target, why);
    }

    private void IsRefused(ChildProcess target, string why)
    {
        (int exitCode, _, string errors) = collector.Run("collect", "-p", $"{target.Pid}", "-d", "1");
        Assert.Contains($"process {target.Pid} {why}", errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n'));
        Assert.Equal(Platform, exitCode);
        Assert.False(target.HasExited);
    }
}
