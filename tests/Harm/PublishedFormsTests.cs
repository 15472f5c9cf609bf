using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Programs published with a runtime of their own: as one file, and compiled ahead of time to start faster.</summary>
public sealed class PublishedFormsTests(ITestOutputHelper output) : IDisposable
{
    private readonly Collector collector = new();

    public void Dispose() => collector.Dispose();

    [Theory]
    [InlineData("-p:PublishSingleFile=true")]
    [InlineData("-p:PublishReadyToRun=true")]
    public void IsSampledAndNamed(string form)
    {
        string program = PublishedProgram.Publish(collector.Directory, "net10.0", form, output);
        using var target = new ChildProcess(program, []);
        target.WaitForLine("ready");
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "3", "-r", "1000");
        Assert.True(profile.CpuNanosUnder("Busy.Work(") > profile.CpuNanos / 2, string.Join('\n', profile.Comments));
        target.CloseInput();
        Assert.Equal(0, target.WaitForExit());
    }
}
