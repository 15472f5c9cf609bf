using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Deploy;

public sealed class UnitFileTests : IDisposable
{
    private const string Name = "dotnet-pprof.service";
    private const string Program = "/opt/dotnet-pprof/dotnet-pprof";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dotnet-pprof-test-");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void SystemdUnderstandsIt()
    {
        (string output, int code) = Analyze("verify", Installed());
        Assert.True(code == 0 && output.Length == 0, output);
    }

    /// <summary>systemd rates what a unit still lets its program do from 0, nothing, to 10; what is left is what it is for.</summary>
    [Fact]
    public void ItIsHardened()
    {
        (string output, int code) = Analyze("security", "--offline=yes", "--no-pager", "--threshold=35", Installed());
        Assert.True(code == 0, output);
    }

    [Fact]
    public void ItSaysWhenItIsReadyAndCanReachItsTargets()
    {
        string[] lines = DeployFiles.Text(Name).Split('\n');
        Assert.Contains("Type=notify", lines);
        Assert.Contains("CapabilityBoundingSet=CAP_SYS_PTRACE CAP_DAC_OVERRIDE", lines);
        Assert.Contains("PrivateTmp=no", lines);
        string command = lines.Single(line => line.StartsWith("ExecStart=", StringComparison.Ordinal))["ExecStart=".Length..];
        Assert.StartsWith(Program + " serve ", command);
    }

    private static (string Output, int Code) Analyze(params string[] arguments)
    {
        if (DeployFiles.Run("systemd-analyze", arguments) is { } result)
            return result;
        Assert.Skip("systemd-analyze is not installed");
        return default;
    }

    /// <summary>With a program that is there: systemd looks.</summary>
    private string Installed()
    {
        string path = Path.Join(directory.FullName, Name);
        File.WriteAllText(path, DeployFiles.Text(Name).Replace(Program, Path.ChangeExtension(ProgramPaths.Collector, null), StringComparison.Ordinal));
        return path;
    }
}
