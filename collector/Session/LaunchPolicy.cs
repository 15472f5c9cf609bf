namespace DotnetPprof.Session;

/// <summary>
/// Decides whether a runtime that reports below a launched command is a program that was meant to be profiled, or a
/// tool that the SDK starts on the way to it: the compiler, MSBuild, the test driver.
/// </summary>
internal static class LaunchPolicy
{
    /// <summary>Test runners that the SDK ships and that run the user's code.</summary>
    private const string TestHost = "testhost";

    /// <summary>Build servers outlive their parent, so ancestry does not tell what they belong to.</summary>
    private static readonly HashSet<string> s_tools = new(StringComparer.OrdinalIgnoreCase)
    {
        "VBCSCompiler", "vstest.console", "datacollector", "dotnet-watch",
    };

    /// <param name="own">What the process runs.</param>
    /// <param name="isTypedCommand">Whether it is the very process that the command line started.</param>
    /// <param name="ancestors">What its ancestors run, up to and with the launched process.</param>
    internal static bool IsMeant(EntryPoint own, bool isTypedCommand, IEnumerable<EntryPoint> ancestors)
    {
        // `dotnet run` and its like are never what somebody wants a profile of.
        if (own.IsCommandLineTool) return false;
        // A program that was named on the command line was meant, be it the SDK's own compiler.
        if (isTypedCommand) return true;
        if (own.Name.StartsWith(TestHost, StringComparison.OrdinalIgnoreCase)) return true;
        if (s_tools.Contains(own.Name)) return false;
        return !own.IsInSdk || !ancestors.Any(ancestor => ancestor.IsInSdk);
    }

    /// <summary>Looks the processes up and decides.</summary>
    internal static bool IsMeant(int pid, int launchedPid)
    {
        if (Describe(pid) is not { } own) return false;
        var ancestors = new List<EntryPoint>();
        int? parent = pid == launchedPid ? null : ProcFs.Parent(pid);
        for (int depth = 0; parent is > 1 && parent != Environment.ProcessId && depth < 64; depth++)
        {
            if (Describe(parent.Value) is { } ancestor) ancestors.Add(ancestor);
            if (parent == launchedPid) break;
            parent = ProcFs.Parent(parent.Value);
        }

        return IsMeant(own, pid == launchedPid, ancestors);
    }

    internal static EntryPoint? Describe(int pid)
    {
        var commandLine = ProcFs.CommandLine(pid);
        return commandLine.Count == 0 ? null : EntryPoint.Of(ProcFs.Executable(pid) ?? commandLine[0], commandLine);
    }
}
