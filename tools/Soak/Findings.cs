namespace DotnetPprof.Soak;

internal enum ProblemKind
{
    /// <summary>The target or the collector ended as it should not have.</summary>
    Crash,

    /// <summary>Something did not happen in two minutes.</summary>
    Hang,

    /// <summary>The workload computed something else than it does without us.</summary>
    WrongResult,

    /// <summary>Descriptors, threads, timers, mappings or memory that only grow.</summary>
    Leak,

    /// <summary>The collector did something else than it should.</summary>
    Misbehaviour,
}

/// <param name="Life">The number of the target it happened to: `--life` has it again.</param>
/// <param name="Kind">What kind of harm.</param>
/// <param name="What">In words.</param>
internal sealed record Problem(int Life, ProblemKind Kind, string What);

/// <summary>Ends a target's life: what it does from here on proves nothing.</summary>
internal sealed class ProblemException(ProblemKind kind, string what) : Exception(what)
{
    internal ProblemKind Kind => kind;
}

/// <summary>What a run has done and found.</summary>
internal sealed class Findings
{
    private const int KeptSteps = 8;

    private readonly SortedDictionary<string, long> counts = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> losses = new(StringComparer.Ordinal);
    private readonly Queue<string> steps = new();

    internal List<Problem> Problems { get; } = [];

    internal IReadOnlyDictionary<string, long> Counts => counts;

    internal IReadOnlyDictionary<string, long> Losses => losses;

    /// <summary>The resources of targets and of this process, one line a life.</summary>
    internal List<string> Trends { get; } = [];

    internal void Count(string what, long number = 1) => counts[what] = counts.GetValueOrDefault(what) + number;

    /// <summary>Remembers what is being done, for who reads of a problem.</summary>
    internal void Step(string what)
    {
        lock (steps)
        {
            steps.Enqueue($"{DateTime.UtcNow:HH:mm:ss.f} {what}");
            if (steps.Count > KeptSteps)
                steps.Dequeue();
        }
    }

    /// <summary>The last ones, oldest first.</summary>
    internal string LastSteps()
    {
        lock (steps)
            return string.Join(", ", steps);
    }

    internal void Lost(string reason, long number) => losses[reason] = losses.GetValueOrDefault(reason) + number;
}
