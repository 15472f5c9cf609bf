using DotnetPprof.Commands;
using DotnetPprof.Model;
using Xunit;

namespace DotnetPprof.Tests.Commands;

public class OutputPathTests
{
    private static readonly DateTime s_now = new(2025, 3, 4, 5, 6, 7);

    [Theory]
    [InlineData("Shop.Web", "Shop.Web_20250304_050607.pb.gz")]
    [InlineData("dotnet run", "dotnet_run_20250304_050607.pb.gz")]
    [InlineData("../x", "_x_20250304_050607.pb.gz")]
    [InlineData("..", "process_20250304_050607.pb.gz")]
    [InlineData("-rf", "rf_20250304_050607.pb.gz")]
    public void NamesProfilesAfterProcessAndTime(string name, string expected) => Assert.Equal(expected, OutputPath.Default(name, s_now));

    [Theory]
    [InlineData("a.pb.gz", "a.77.pb.gz")]
    [InlineData("dir.x/a", "dir.x/a.77")]
    [InlineData("a.pprof", "a.77.pprof")]
    public void PutsThePidBeforeTheExtension(string path, string expected) => Assert.Equal(expected, OutputPath.WithPid(path, 77));

    [Fact]
    public void LeavesNothingBehindWhenItChecks()
    {
        using var folder = new TestFolder();
        OutputPath.CheckWritable(folder["a.pb.gz"]);
        Assert.Empty(folder.Files);
        File.WriteAllText(folder["a.pb.gz"], "older");
        OutputPath.CheckWritable(folder["a.pb.gz"]);
        Assert.Equal("older", File.ReadAllText(folder["a.pb.gz"]));
    }

    [Fact]
    public void SaysWhyAPathCannotBeWritten()
    {
        using var folder = new TestFolder();
        Directory.CreateDirectory(folder["sub"]);
        Assert.Contains("it is a directory", Refusal(folder["sub"]));
        Assert.Contains("there is no directory", Refusal(folder["none/a.pb.gz"]));
        Assert.Contains("not a regular file", Refusal("/dev/null"));
        Assert.Contains("not a regular file", Refusal("/proc/self/fd/1"));
    }

    [Fact]
    public void SharedMemoryIsNoDevice()
    {
        string path = $"/dev/shm/dotnet-pprof-test-{Guid.NewGuid():N}.pb.gz";
        OutputPath.CheckWritable(path);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void WhatOthersHavePutThereIsNotTouched()
    {
        using var folder = new TestFolder();
        File.WriteAllText(folder["precious.txt"], "precious");
        File.CreateSymbolicLink(folder[$".dotnet-pprof-{Environment.ProcessId}.tmp"], folder["precious.txt"]);
        OutputPath.CheckWritable(folder["a.pb.gz"]);
        Assert.Equal("precious", File.ReadAllText(folder["precious.txt"]));
        Assert.Equal(2, folder.Files.Count());
    }

    private static string Refusal(string path)
    {
        var error = Assert.Throws<UserError>(() => OutputPath.CheckWritable(path));
        Assert.Equal(ExitCode.Argument, error.Code);
        return error.Message;
    }
}
