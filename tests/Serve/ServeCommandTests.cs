using System.Net;
using System.Net.Sockets;
using DotnetPprof.Commands;
using DotnetPprof.Tests.Commands;
using Xunit;

namespace DotnetPprof.Tests.Serve;

public class ServeCommandTests
{
    [Fact]
    public void VariablesAreOptionsThatWereNotGiven()
    {
        var variables = new Dictionary<string, string>
        {
            ["DOTNET_PPROF_SERVE_WINDOW"] = "30s",
            ["DOTNET_PPROF_SERVE_OUTPUT"] = "/var/x",
            ["DOTNET_PPROF_SERVE_NAME"] = "a, b",
            ["DOTNET_PPROF_SERVE_ATTACH_ALL"] = "1",
            ["DOTNET_PPROF_SERVE_TOKEN"] = "",
            ["DOTNET_PPROF_CLOCK"] = "tsc",
            ["DOTNET_PPROF_SERVE_SERVICE_HOST"] = "10.0.0.1", // Kubernetes' own
            ["DOTNET_PPROF_SERVE_SERVICE_PORT"] = "6060",
            ["DOTNET_PPROF_SERVE_SERVICE_PORT_HTTP"] = "6060",
            ["DOTNET_PPROF_SERVE_PORT"] = "tcp://10.0.0.1:6060",
            ["DOTNET_PPROF_SERVE_PORT_6060_TCP_ADDR"] = "10.0.0.1",
        };
        Assert.Equal(
            ["serve", "-o", "/tmp", "--attach-all=true", "--name", "a", "--name", "b", "--window", "30s"],
            ServeCommand.WithVariables(["serve", "-o", "/tmp"], variables));
        Assert.Equal(["collect"], ServeCommand.WithVariables(["collect"], variables));
    }

    [Fact]
    public void OnlyTheFormsOfKubernetesAreNoOptions() => Assert.Equal(
        ["serve", "--portal", "1"],
        ServeCommand.WithVariables(["serve"], new Dictionary<string, string> { ["DOTNET_PPROF_SERVE_PORTAL"] = "1" }));

    [Fact]
    public void APortInUseIsSaidInOneLine()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        (int exitCode, string output, string error) = BuiltProgram.Run(["serve", "--listen", $"{socket.LocalEndPoint}", "--name", "no process has this name"]);
        Assert.Equal(3, exitCode);
        Assert.Contains("cannot listen on", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Empty(output);
    }

    [Theory]
    [InlineData("--listen 0.0.0.0:0", "can be reached from other machines")]
    [InlineData("--listen :0", "can be reached from other machines")]
    [InlineData("--listen [::]:0", "can be reached from other machines")]
    [InlineData("--listen 10.1.2.3:0", "can be reached from other machines")]
    [InlineData("--listen nowhere", "is not an address")]
    [InlineData("--listen 127.0.0.1:99999", "is not an address")]
    [InlineData("--window 1s", "a window must be")]
    [InlineData("--keep-mb 0", "--keep-mb must be")]
    [InlineData("--output /proc/nothing --listen 127.0.0.1:0", "windows cannot be put")]
    public void WhatCannotBeIsSaidInOneLine(string arguments, string message)
    {
        (int exitCode, _, string error) = BuiltProgram.Run(["serve", .. arguments.Split(' ')]);
        Assert.Equal(3, exitCode);
        Assert.Contains(message, error);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
