namespace DotnetPprof.Bench.Clock;

/// <summary>A function's part of the sampling routine's own CPU time (the kernel's part left out), by <c>perf record</c>.</summary>
internal sealed record FunctionShare(string Function, double Share);

/// <summary>The sampling routine with one clock as perf sees it.</summary>
/// <param name="Clock">As <c>--clock</c> names it.</param>
/// <param name="ClockShare">The clock's part of the routine's CPU time: 0.1 is ten percent.</param>
/// <param name="Samples">That fell into the routine.</param>
/// <param name="Functions">All of the routine, the clock as one entry, largest first.</param>
internal sealed record PerfResult(string Clock, double ClockShare, int Samples, IReadOnlyList<FunctionShare> Functions)
{
    internal const string ClockEntry = "(the clock)";
    private const string Loop = "routine_loop";

    /// <summary>The loop's own functions; all others of that program are the sampling routine's.</summary>
    private static readonly HashSet<string> loopFunctions =
        ["descend", "main", "run_signals", "run_calls", "empty_handler", "_start", "set_up", "slots_initialize", "slots_reset_chains"];

    /// <summary>The clock's place among the routine's costs, from 1.</summary>
    public int ClockRank => Functions.TakeWhile(function => function.Function != ClockEntry).Count() + 1;

    /// <summary>Adds up what perf saw.</summary>
    /// <param name="clock">As <c>--clock</c> names it.</param>
    /// <param name="script">Lines of <c>perf script -F ip,sym,dso</c>: an address, a symbol and, in parentheses, its file.</param>
    /// <exception cref="FormatException">No sample is of the routine.</exception>
    internal static PerfResult Read(string clock, string script)
    {
        var counts = new Dictionary<string, int>();
        foreach (string line in script.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int at = line.LastIndexOf(" (", StringComparison.Ordinal);
            int symbol = line.IndexOf(' ');
            if (at <= symbol || Entry(line[symbol..at].Trim(), Path.GetFileName(line[(at + 2)..].TrimEnd(')'))) is not { } entry)
                continue;
            counts[entry] = counts.GetValueOrDefault(entry) + 1;
        }
        int total = counts.Values.Sum();
        if (total == 0)
            throw new FormatException("perf saw nothing of the sampling routine");
        return new PerfResult(
            clock,
            counts.GetValueOrDefault(PerfResult.ClockEntry) / (double)total,
            total,
            [.. counts.OrderByDescending(pair => pair.Value).Select(pair => new FunctionShare(pair.Key, pair.Value / (double)total))]);
    }

    /// <summary>What a sample counts for, or null when it is not of the sampling routine.</summary>
    private static string? Entry(string symbol, string file)
    {
        bool own = file == Loop;
        bool clock = file == "[vdso]" || symbol.Contains("clock_gettime", StringComparison.Ordinal)
            || own && symbol.StartsWith("clock_", StringComparison.Ordinal) && symbol != "clock_own_thread_cpu"
            || file == "libSystem.Native.so";
        if (clock && file != "[kernel.kallsyms]")
            return PerfResult.ClockEntry;
        return own && !loopFunctions.Contains(symbol) && !symbol.Contains('[') ? symbol : null;
    }
}
