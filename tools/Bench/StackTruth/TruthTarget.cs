using System.Globalization;
using System.Reflection;
using DotnetPprof.Bench.Processes;

namespace DotnetPprof.Bench.StackTruth;

/// <summary>One of tests/Programs, running, for one tool.</summary>
internal sealed class TruthTarget : IDisposable
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(20);

    /// <summary>Until its code is as optimised as it will ever be.</summary>
    private static readonly TimeSpan warmUp = TimeSpan.FromSeconds(2);

    private readonly ChildProgram program;

    /// <param name="name">Of the program.</param>
    /// <param name="argument">To it.</param>
    /// <param name="threadName">Of the threads that are looked at.</param>
    /// <param name="environment">Beside this process's own.</param>
    internal TruthTarget(string name, string argument, string threadName, IEnumerable<KeyValuePair<string, string>> environment)
    {
        string template = typeof(TruthTarget).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(constant => constant.Key == "TestProgramPath").Value!;
        program = ChildProgram.StartDotnet(template.Replace("NAME", name, StringComparison.Ordinal), [argument], environment);
        try
        {
            program.ReadLine(patience);
            Thread.Sleep(warmUp);
            Tids = [.. Directory.EnumerateDirectories($"/proc/{Pid}/task")
                .Where(task => File.ReadAllText($"{task}/comm").Trim() == threadName)
                .Select(task => int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture))];
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    internal int Pid => program.Id;

    internal HashSet<int> Tids { get; }

    /// <summary>What each function has used so far of those threads' CPU clocks, in nanoseconds; for a program that can say.</summary>
    internal Dictionary<string, long> Used()
    {
        program.WriteLine("");
        return program.ReadLine(patience).Split(' ').Skip(1).Select(field => field.Split('='))
            .ToDictionary(pair => pair[0], pair => long.Parse(pair[1], CultureInfo.InvariantCulture));
    }

    public void Dispose() => program.Dispose();
}
