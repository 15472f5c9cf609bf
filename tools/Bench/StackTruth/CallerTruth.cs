namespace DotnetPprof.Bench.StackTruth;

/// <summary>What a tool shows of one function that is called three times as often from one caller as from another.</summary>
/// <param name="Callee">The function.</param>
/// <param name="Seen">Part of all samples that have it on their stack.</param>
/// <param name="Often">Part of its time that the tool puts under the first caller; 0.75 would be right. Null where the function is never seen.</param>
/// <param name="Seldom">The same of the second; 0.25 would be right.</param>
internal sealed record CallerShares(string Callee, double Seen, double? Often, double? Seldom)
{
    private const double OftenTruth = 0.75;

    /// <summary>Part of its time that is under neither.</summary>
    public double? Missing => Often is { } often && Seldom is { } seldom ? Math.Max(0, 1 - often - seldom) : null;

    /// <summary>By how much the caller that is shown worst is off, in points; null where there is nothing to be right about.</summary>
    public double? WorstPoints => Often is { } often && Seldom is { } seldom
        ? 100 * Math.Max(Math.Abs(often - OftenTruth), Math.Abs(seldom - (1 - OftenTruth)))
        : null;
}

/// <summary>tests/Programs/Frames under one tool.</summary>
/// <param name="Tool">Its name.</param>
/// <param name="Samples">Of the calling thread.</param>
/// <param name="Named">Part of all frames that have a name.</param>
/// <param name="Callees">Each function.</param>
/// <param name="Failure">Why there is nothing to show; else null.</param>
internal sealed record CallerTruth(string Tool, long Samples, double Named, IReadOnlyList<CallerShares> Callees, string? Failure = null)
{
    internal const string Program = "Frames";
    internal const string Thread = "calling";

    /// <summary>A leaf and a wrapper without frame pointers, and a loop that is replaced while it runs.</summary>
    internal static readonly string[] Functions = ["Leaf", "Wrapper", "Loop"];

    /// <summary>The runtime would replace the loop by an ordinary method after 30 calls.</summary>
    internal static readonly KeyValuePair<string, string> KeepLoop = new("DOTNET_TC_CallCountThreshold", "7fff");

    internal static CallerTruth Of(string tool, StackSet stacks) =>
        new(tool, stacks.Samples, stacks.Named, [.. Functions.Select(callee => SharesOf(callee, stacks))]);

    private static CallerShares SharesOf(string callee, StackSet stacks)
    {
        const string prefix = "Frames.Program.";
        Dictionary<string, double> callers = stacks.CallersOf(prefix + callee);
        double all = callers.Values.Sum();
        return all == 0
            ? new CallerShares(callee, 0, null, null)
            : new CallerShares(callee, all / stacks.Weight, callers.GetValueOrDefault($"{prefix}{callee}Often") / all, callers.GetValueOrDefault($"{prefix}{callee}Seldom") / all);
    }
}
