using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>What is set for the application's runtime is not for the agent's: the program starts, prints and ends as without us.</summary>
public sealed class VariableTests : IDisposable
{
    private const string RoomForOneHeap = "as=10737418240"; /* 10 GiB, of which a heap of one takes six */

    private readonly CProgram restrict = new("restrict");

    public void Dispose() => restrict.Dispose();

    [Theory]
    [InlineData(RoomForOneHeap, "DOTNET_GCHeapHardLimit", "40000000")]
    [InlineData(null, "DOTNET_GCLargePages", "1", "DOTNET_GCHeapHardLimit", "10000000")]
    [InlineData(null, "DOTNET_DbgEnableMiniDump", "1")]
    public void EndsAsWithoutTheAgent(string? limit, params string[] settings)
    {
        string[] options = limit is null ? [] : ["-l", limit];
        (string, string)[] variables = [.. settings.Chunk(2).Select(setting => (setting[0], setting[1]))];
        Assert.Equal(Run(options, variables), Run(options, [.. variables, .. Targets.AgentVariables]));
    }

    private (int Code, string Output, string Error) Run(string[] options, (string Name, string Value)[] variables)
    {
        using var process = new ChildProcess(
            restrict.Path,
            [.. options, ProgramPaths.Dotnet, BuiltFiles.Program("Ends"), "return"],
            environment: variables.ToDictionary(variable => variable.Name, variable => variable.Value));
        process.Send("go");
        return (process.WaitForExit(), process.Output, process.Errors);
    }
}
