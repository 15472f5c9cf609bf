namespace DotnetPprof.Bench.Statistics;

internal enum Side
{
    A,
    B,
}

/// <summary>The order in which two configurations are run.</summary>
internal static class Interleaving
{
    /// <summary>
    /// A, B, B, A in every round: each side runs twice a round, and a machine that warms up or slows down steadily
    /// favours neither.
    /// </summary>
    internal static IEnumerable<Side> Order(int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            yield return Side.A;
            yield return Side.B;
            yield return Side.B;
            yield return Side.A;
        }
    }

    /// <summary>Runs both sides in that order, each once beforehand without counting it, and gives what they measured.</summary>
    internal static (List<double> A, List<double> B) Run(int rounds, Func<double> a, Func<double> b)
    {
        a();
        b();
        var values = (A: new List<double>(), B: new List<double>());
        foreach (Side side in Order(rounds))
        {
            if (side == Side.A)
                values.A.Add(a());
            else
                values.B.Add(b());
        }
        return values;
    }
}
