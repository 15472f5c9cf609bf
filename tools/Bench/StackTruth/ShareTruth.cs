namespace DotnetPprof.Bench.StackTruth;

/// <summary>A function's part of its threads' CPU time.</summary>
/// <param name="Function">Its name.</param>
/// <param name="Clock">By the threads' own CPU clocks.</param>
/// <param name="Shown">By the tool.</param>
internal sealed record FunctionShare(string Function, double Clock, double Shown)
{
    public double ErrorPoints => 100 * (Shown - Clock);
}

/// <summary>tests/Programs/Shares under one tool.</summary>
/// <param name="Tool">Its name.</param>
/// <param name="Samples">Of the program's threads.</param>
/// <param name="Named">Part of all frames that have a name.</param>
/// <param name="Functions">Each of them.</param>
/// <param name="Failure">Why there is nothing to show; else null.</param>
internal sealed record ShareTruth(string Tool, long Samples, double Named, IReadOnlyList<FunctionShare> Functions, string? Failure = null)
{
    internal const string Program = "Shares";
    internal const string Thread = "sharing";
    internal const string Threads = "2";

    public double WorstPoints => Functions.Max(function => Math.Abs(function.ErrorPoints));

    /// <summary>Two standard deviations of the largest share, in points: what so few samples miss by chance.</summary>
    public double ChancePoints => Functions.Max(function => 200 * Math.Sqrt(function.Clock * (1 - function.Clock) / Samples));

    /// <param name="tool">Its name.</param>
    /// <param name="stacks">What it recorded.</param>
    /// <param name="used">CPU time of each function meanwhile.</param>
    internal static ShareTruth Of(string tool, StackSet stacks, IReadOnlyDictionary<string, long> used)
    {
        double all = used.Values.Sum();
        return new ShareTruth(tool, stacks.Samples, stacks.Named, [.. used.Select(function => new FunctionShare(
            function.Key, function.Value / all, stacks.WeightUnder($"Shares.Program.Sharer.{function.Key}") / stacks.Weight))]);
    }
}
