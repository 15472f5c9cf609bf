using System.Text.Json;
using Xunit;

namespace DotnetPprof.Tests.Commands;

public class CommandLineTests
{
    [Theory]
    [InlineData("collect")]
    [InlineData("collect", "-p", "abc")]
    [InlineData("collect", "-p", "0")]
    [InlineData("collect", "-p", "1", "-n", "x")]
    [InlineData("collect", "-p", "1", "-d", "5x")]
    [InlineData("collect", "-p", "1", "-r", "0")]
    [InlineData("collect", "-p", "1", "-r", "1000001")]
    [InlineData("collect", "-p", "1", "--clock", "hourglass")]
    [InlineData("collect", "-p", "1", "--clock")]
    [InlineData("collect", "-p", "1", "--burst", "10ms")]
    [InlineData("collect", "-p", "1", "--burst", "9ms/1s")]
    [InlineData("collect", "-p", "1", "--burst", "1s/1s")]
    [InlineData("collect", "-p", "1", "--burst", "1s/2h")]
    [InlineData("collect", "-p", "1", "--burst", "-10ms/1s")]
    [InlineData("collect", "-p", "1", "--buffer-mb", "0")]
    [InlineData("collect", "-p", "1", "--buffer-mb", "513")]
    [InlineData("collect", "-p", "1", "--no-such-option")]
    [InlineData("collect", "program")]
    [InlineData("collect", "--")]
    [InlineData("nonsense")]
    [InlineData("report")]
    [InlineData("report", "x.pb.gz", "topN", "-n", "0")]
    [InlineData("env", "--format", "x")]
    [InlineData("ps", "--", "program")]
    [InlineData()]
    public void BadArgumentsAreOneLineAndExitCode3(params string[] arguments)
    {
        var result = BuiltProgram.Run(arguments);
        Assert.Equal(3, result.ExitCode);
        Assert.Equal("", result.Output);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("error: ", result.Error);
    }

    [Theory]
    [InlineData(3, "no process has the id", "collect", "-p", "4194305")]
    [InlineData(3, "no .NET process is named", "collect", "-n", "no such name")]
    [InlineData(3, "no such program is on PATH", "collect", "--", "no-such-program")]
    [InlineData(3, "there is no such file", "collect", "--", "./no-such-program")]
    [InlineData(3, "'hourglass' is not a clock; there are auto, tsc, runtime, vdso, stopwatch", "collect", "-p", "1", "--clock", "hourglass")]
    [InlineData(3, "'1s' is not ON/PERIOD such as 10ms/1s", "collect", "-p", "1", "--burst", "1s")]
    [InlineData(3, "'x' is not a number of MiB between 1 and 512", "collect", "-p", "1", "--buffer-mb", "x")]
    [InlineData(3, "there is no directory", "collect", "-o", "/nonexistent/a.pb.gz", "--", "/bin/true")]
    [InlineData(3, "there is no profile", "report", "nonexistent.pb.gz", "topN")]
    public void ErrorsSayWhatIsWrong(int exitCode, string message, params string[] arguments)
    {
        var result = BuiltProgram.Run(arguments);
        Assert.Contains(message, result.Error);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void AProcessWithoutDotnetIsRefused()
    {
        using var sleep = System.Diagnostics.Process.Start("/bin/sleep", "60");
        try
        {
            var result = BuiltProgram.Run("collect", "-p", $"{sleep.Id}");
            Assert.Equal(3, result.ExitCode);
            Assert.Contains("is not a .NET process", result.Error);
        }
        finally
        {
            sleep.Kill();
        }
    }

    [Fact]
    public void HelpGoesToStandardOutput()
    {
        var result = BuiltProgram.Run("collect", "--help");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal("", result.Error);
        Assert.Contains("--process-id", result.Output);
        Assert.Contains("-- COMMAND", result.Output);
    }

    [Fact]
    public void PsListsARealProcess()
    {
        using var workload = BuiltProgram.StartWorkload();
        var result = BuiltProgram.Run("ps");
        Assert.Equal(0, result.ExitCode);
        string line = Assert.Single(result.Output.Split('\n'), line => line.TrimStart().StartsWith($"{workload.Pid} ", StringComparison.Ordinal));
        Assert.Contains(" DemoWorkload ", line);
        Assert.Contains($" {Environment.Version} ", line);
        Assert.Contains(BuiltProgram.DemoWorkload, line);
        Assert.DoesNotContain('\u001b', result.Output);
    }

    [Fact]
    public void DoctorReportsAProcessAsJson()
    {
        using var workload = BuiltProgram.StartWorkload();
        var result = BuiltProgram.Run("doctor", "--json", "-p", $"{workload.Pid}");
        using var json = JsonDocument.Parse(result.Output);
        var findings = json.RootElement.GetProperty("findings").EnumerateArray().ToDictionary(
            finding => finding.GetProperty("check").GetString()!, finding => finding);
        Assert.Equal("CoreCLR", findings["runtime"].GetProperty("value").GetString());
        Assert.StartsWith($"answers, runtime {Environment.Version}", findings["diagnostic port"].GetProperty("value").GetString());
        Assert.StartsWith("glibc 2.", findings["process libc"].GetProperty("value").GetString());
        Assert.EndsWith(" Hz", findings["kernel tick"].GetProperty("value").GetString());
        Assert.Equal(result.ExitCode == 0, json.RootElement.GetProperty("works").GetBoolean());
    }

    [Fact]
    public void DoctorExitsWith4WhenProfilingCannotWork()
    {
        var result = BuiltProgram.Run("doctor", "-p", "4194305");
        Assert.Equal(4, result.ExitCode);
        Assert.Contains("no process has this id", result.Output);
    }

    [Fact]
    public void EnvNamesTheLibraryBesideTheProgram()
    {
        var result = BuiltProgram.Run("env");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains(Path.Combine(Path.GetDirectoryName(BuiltProgram.Dll)!, "libdotnet-pprof-agent.so"), result.Output);
    }
}
