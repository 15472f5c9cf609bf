namespace DotnetPprof.Soak;

internal enum TargetKind
{
    /// <summary>Started with the agent's variables.</summary>
    WithVariables,

    /// <summary>Started without, attached to while it runs.</summary>
    Attached,

    /// <summary>Started by <c>collect -- COMMAND</c>.</summary>
    Launched,
}

/// <summary>One target from its start to its end, as chosen by the seed.</summary>
/// <param name="Number">Of the life; with the run's seed it gives all the rest.</param>
/// <param name="Kind">How the agent gets in.</param>
/// <param name="Jobs">What it works on.</param>
/// <param name="Variables">How its runtime is set up.</param>
/// <param name="Length">How long it is hurt.</param>
/// <param name="Ending">How it ends.</param>
/// <param name="Seed">For all choices that are made on the way.</param>
internal sealed record LifePlan(
    int Number, TargetKind Kind, IReadOnlyList<string> Jobs, IReadOnlyDictionary<string, string> Variables, TimeSpan Length, Ending Ending, int Seed)
{
    private const int MostJobs = 7;
    private const string LoadContexts = "contexts";

    private static readonly string[] jobs =
    [
        "hash", "vector", "sort", "compress", "exceptions", "recursion", "tcp", "pipe", "wait", "file",
        "children", LoadContexts, "dynamic", "heap", "threads", "pool", "timers", "native", "signals",
    ];

    private static readonly Dictionary<string, string>[] runtimes =
    [
        [],
        new() { ["DOTNET_gcServer"] = "1" },
        new() { ["DOTNET_gcServer"] = "1", ["DOTNET_GCDynamicAdaptationMode"] = "1" },
        new() { ["DOTNET_gcConcurrent"] = "0" },
        new() { ["DOTNET_GCgen0size"] = "0x100000", ["DOTNET_GCConserveMemory"] = "7" },
        new() { ["DOTNET_TieredCompilation"] = "0" },
        new() { ["DOTNET_TieredPGO"] = "1", ["DOTNET_TC_CallCountThreshold"] = "5", ["DOTNET_TC_BackgroundWorkerTimeoutMs"] = "0" },
        new() { ["DOTNET_ReadyToRun"] = "0" },
        new() { ["DOTNET_EnableWriteXorExecute"] = "0" },
    ];

    /// <param name="runSeed">The run's.</param>
    /// <param name="number">Of the life.</param>
    /// <param name="longest">How long it may be at most.</param>
    internal static LifePlan Choose(int runSeed, int number, TimeSpan longest)
    {
        var random = new Random(HashCode(runSeed, number));
        /* A few long ones, in which what leaks can add up, and many short ones. */
        double seconds = random.Next(3) == 0 ? random.Next(60, 180) : random.Next(5, 25);
        string[] work = [.. random.GetItems(jobs, random.Next(3, MostJobs + 1)).Distinct()];
        var kind = (TargetKind)random.Next(3);
        return new LifePlan(
            number,
            work.Contains(LoadContexts) ? TargetKind.WithVariables : kind,
            work,
            runtimes[random.Next(runtimes.Length)],
            TimeSpan.FromSeconds(Math.Min(seconds, longest.TotalSeconds)),
            Ending.All[random.Next(Ending.All.Count)],
            random.Next());
    }

    /// <summary>The same life of a target that never sees the agent.</summary>
    internal LifePlan LeftAlone() => this with { Kind = TargetKind.Attached };

    /// <summary>Whether its jobs raise signals: those of null references are SIGSEGV.</summary>
    internal bool HasSignalsOfItsOwn => Jobs.Contains("exceptions") || Jobs.Contains("signals");

    /// <summary>
    /// Whether anybody may ask the runtime for a rundown. While load contexts are unloaded, rundowns crash the runtime by
    /// themselves (10.0.12, within seconds, by a plain trace and without the agent): "The RX block to map as RW was not found".
    /// </summary>
    internal bool AllowsRundown => !Jobs.Contains(LoadContexts);

    internal string Describe() =>
        $"{Kind} for {Length.TotalSeconds:0} s, {string.Join(' ', Variables.Select(variable => $"{variable.Key}={variable.Value}"))} [{string.Join(' ', Jobs)}], end: {Ending.Name}";

    /* The framework's own differs from process to process. */
    private static int HashCode(int seed, int number) => unchecked((seed * 16777619 ^ number) * 16777619);
}

/// <param name="Name">What the workload is told, or the signal it gets.</param>
/// <param name="Code">How it then exits; 128 + N after signal N.</param>
/// <param name="Signal">0 for none.</param>
internal sealed record Ending(string Name, int Code, int Signal = 0)
{
    internal static IReadOnlyList<Ending> All { get; } =
    [
        new("return", 3), new("exit", 7), new("unhandled", 134), new("failfast", 134), new("overflow", 134), new("abort", 134), new("SIGTERM", 143, 15), new("SIGKILL", 137, 9),
    ];
}
