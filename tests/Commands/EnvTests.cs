using System.Diagnostics;
using System.Text.Json;
using DotnetPprof.Commands;
using DotnetPprof.Model;
using DotnetPprof.Session;
using Xunit;

namespace DotnetPprof.Tests.Commands;

public class EnvTests
{
    private const string Guid = "{8f1b1a5e-6d0c-4b6f-9a54-64706f727031}";
    private const string Awkward = "/opt/it's a \"test\" $HOME 100% \\ dir/agent.so";

    [Fact]
    public void EndsTheListOfProfilersWithASemicolon()
    {
        var variables = AgentVariables.For("/opt/agent.so", null).ToDictionary(pair => pair.Name, pair => pair.Value);
        Assert.Equal("1", variables["CORECLR_ENABLE_NOTIFICATION_PROFILERS"]);
        Assert.Equal($"/opt/agent.so={Guid};", variables["CORECLR_NOTIFICATION_PROFILERS"]);
        Assert.Equal("1", variables["DOTNET_RichDebugInfo"]);
    }

    [Theory]
    [InlineData("/a.so={1};", $"/a.so={{1}};/opt/agent.so={Guid};")]
    [InlineData("/a.so={1}", $"/a.so={{1}};/opt/agent.so={Guid};")]
    [InlineData($"/old/agent.so={Guid};/a.so={{1}};", $"/a.so={{1}};/opt/agent.so={Guid};")]
    [InlineData("", $"/opt/agent.so={Guid};")]
    public void KeepsOtherProfilersAndNeverNamesItselfTwice(string existing, string expected) =>
        Assert.Equal(expected, AgentVariables.For("/opt/agent.so", existing).Single(pair => pair.Name == AgentVariables.Profilers).Value);

    [Theory]
    [InlineData("/opt/a=b/agent.so")]
    [InlineData("/opt/a;b/agent.so")]
    [InlineData("opt/agent.so")]
    public void RefusesPathsTheRuntimeWouldMisread(string path) =>
        Assert.Equal(ExitCode.Argument, Assert.Throws<UserError>(() => AgentVariables.For(path, null)).Code);

    [Fact]
    public void ShellLinesSurviveAShell()
    {
        string script = EnvFormats.Render("shell", [("DPP_TEST", Awkward), ("DPP_OTHER", "{x};")]) + "printf '%s|%s' \"$DPP_TEST\" \"$DPP_OTHER\"";
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh") { ArgumentList = { "-c", script }, RedirectStandardOutput = true })!;
        Assert.Equal(Awkward + "|{x};", shell.StandardOutput.ReadToEnd());
    }

    [Fact]
    public void DockerLinesEscapeWhatADockerfileExpands() =>
        Assert.Equal("ENV A=\"/opt/it's a \\\"test\\\" \\$HOME 100% \\\\ dir/agent.so\"\n", EnvFormats.Render("docker", [("A", Awkward)]));

    [Fact]
    public void SystemdLinesEscapeSpecifiers() =>
        Assert.Equal("Environment=\"A=/opt/it's a \\\"test\\\" $HOME 100%% \\\\ dir/agent.so\"\n", EnvFormats.Render("systemd", [("A", Awkward)]));

    [Fact]
    public void JsonHoldsThePlainValues()
    {
        using var json = JsonDocument.Parse(EnvFormats.Render("json", [("A", Awkward), ("B", "1")]));
        Assert.Equal(Awkward, json.RootElement.GetProperty("A").GetString());
        Assert.Equal("1", json.RootElement.GetProperty("B").GetString());
    }
}
