namespace DotnetPprof.Tests.RealPrograms;

/// <summary>One of tests/Programs, running. All of them end when their standard input does.</summary>
internal sealed class TargetProgram(string name, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    : ChildProcess(ProgramPaths.Dotnet, [ProgramPaths.TestProgram(name), .. arguments], environment: environment)
{
    /// <summary>Started, and past its own start: it has printed that it is ready.</summary>
    public static TargetProgram StartReady(string name, params string[] arguments)
    {
        var program = new TargetProgram(name, arguments);
        program.WaitForLine("ready");
        return program;
    }

    /// <summary>Has it finish, and gives all it printed.</summary>
    public string Finish()
    {
        CloseInput();
        WaitForExit();
        return Output;
    }
}
