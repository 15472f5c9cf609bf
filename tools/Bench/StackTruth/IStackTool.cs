namespace DotnetPprof.Bench.StackTruth;

/// <summary>A profiler that says which functions a program's threads were in, and who called them.</summary>
internal interface IStackTool
{
    string Name { get; }

    /// <summary>What the program must be started with for this tool to name its code.</summary>
    IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Watches a running program for so long, and reads what the tool wrote.</summary>
    /// <exception cref="BenchException">It is not to be had here; the message says why.</exception>
    IReadOnlyList<SampledStack> Record(int pid, TimeSpan length);
}
