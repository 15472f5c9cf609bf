namespace DotnetPprof.Session;

/// <summary>What a .NET process runs, told from its command line.</summary>
/// <param name="Path">The entry assembly's file, or the executable of a program with its own host.</param>
/// <param name="Name">What a person calls it.</param>
/// <param name="IsCommandLineTool">Whether it is the SDK's own driver: <c>dotnet run</c>, <c>dotnet test</c> and so on.</param>
internal sealed record EntryPoint(string Path, string Name, bool IsCommandLineTool)
{
    /// <summary>Host options that take a value and come before the assembly.</summary>
    private static readonly HashSet<string> s_hostOptionsWithValue = new(StringComparer.Ordinal)
    {
        "--additionalprobingpath", "--depsfile", "--runtimeconfig", "--fx-version", "--roll-forward", "--additional-deps",
        "--roll-forward-on-no-candidate-fx",
    };

    /// <summary>Whether it lies in an SDK's folder: the compiler, MSBuild, the test driver.</summary>
    internal bool IsInSdk
    {
        get
        {
            const string folder = "/sdk/";
            int at = Path.IndexOf(folder, StringComparison.Ordinal);
            return IsCommandLineTool || (at >= 0 && at + folder.Length < Path.Length && char.IsAsciiDigit(Path[at + folder.Length]));
        }
    }

    /// <param name="executable">The file being executed.</param>
    /// <param name="commandLine">The arguments, the program first.</param>
    internal static EntryPoint Of(string executable, IReadOnlyList<string> commandLine)
    {
        if (System.IO.Path.GetFileName(executable) != "dotnet")
            return new EntryPoint(executable, NameOf(executable), false);

        int index = 1;
        bool exec = index < commandLine.Count && commandLine[index] == "exec";
        if (exec) index++;
        while (index < commandLine.Count && s_hostOptionsWithValue.Contains(commandLine[index])) index += 2;
        if (index < commandLine.Count && (exec || IsAssembly(commandLine[index])))
            return new EntryPoint(commandLine[index], NameOf(commandLine[index]), false);

        string verb = commandLine.Count > 1 ? commandLine[1] : "";
        return new EntryPoint(executable, $"dotnet {verb}".TrimEnd(), true);
    }

    private static bool IsAssembly(string argument) =>
        argument.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) || argument.EndsWith(".exe", StringComparison.OrdinalIgnoreCase);

    private static string NameOf(string path)
    {
        string name = System.IO.Path.GetFileName(path);
        return IsAssembly(name) ? name[..^4] : name;
    }
}
