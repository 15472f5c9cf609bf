namespace DotnetPprof.Report;

/// <summary>Adds up exclusive and inclusive values by function name, stack by stack.</summary>
internal sealed class FunctionTotals
{
    private readonly Dictionary<string, int> indices = new(StringComparer.Ordinal);
    private readonly List<Totals> functions = [];
    private long stack;

    /// <summary>Of all stacks.</summary>
    public long Total { get; private set; }

    /// <summary>The number by which <see cref="Add"/> knows a function; the same for the same name.</summary>
    public int IndexOf(string name)
    {
        if (indices.TryGetValue(name, out int index))
            return index;
        index = functions.Count;
        indices.Add(name, index);
        functions.Add(new Totals(name));
        return index;
    }

    /// <summary>Begins a stack; its functions follow by <see cref="AddFrame"/>, leaf first.</summary>
    public void BeginStack(long value)
    {
        stack++;
        Total = unchecked(Total + value);
    }

    /// <param name="function">From <see cref="IndexOf"/>.</param>
    /// <param name="value">The stack's.</param>
    /// <param name="isLeaf">Whether it is the stack's first function.</param>
    public void AddFrame(int function, long value, bool isLeaf)
    {
        Totals totals = functions[function];
        if (isLeaf)
            totals.Exclusive = unchecked(totals.Exclusive + value);
        if (totals.LastStack == stack)
            return;
        totals.LastStack = stack;
        totals.Inclusive = unchecked(totals.Inclusive + value);
    }

    /// <summary>The first <paramref name="n"/> functions, largest first; equal ones by name.</summary>
    public IReadOnlyList<FunctionRow> Rank(int n, bool inclusive) =>
    [
        .. functions
            .Where(f => f.Inclusive != 0 || f.Exclusive != 0)
            .OrderByDescending(f => inclusive ? f.Inclusive : f.Exclusive)
            .ThenByDescending(f => inclusive ? f.Exclusive : f.Inclusive)
            .ThenBy(f => f.Name, StringComparer.Ordinal)
            .Take(n)
            .Select(f => new FunctionRow(f.Name, f.Exclusive, Percent(f.Exclusive), f.Inclusive, Percent(f.Inclusive))),
    ];

    private double Percent(long value) => Total == 0 ? 0 : 100.0 * value / Total;

    private sealed class Totals(string name)
    {
        public string Name { get; } = name;

        public long Exclusive { get; set; }

        public long Inclusive { get; set; }

        public long LastStack { get; set; }
    }
}
