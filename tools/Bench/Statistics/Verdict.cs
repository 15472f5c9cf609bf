using Perfolizer.Mathematics.SignificanceTesting.Base;
using Perfolizer.Mathematics.SignificanceTesting.MannWhitney;
using Perfolizer.Metrology;
using Pragmastat;

namespace DotnetPprof.Bench.Statistics;

/// <summary>What a comparison of two configurations shows.</summary>
internal enum Outcome
{
    /// <summary>The values could as well come from one configuration.</summary>
    Noise,

    /// <summary>The values differ, by less than would be worth a claim.</summary>
    Small,

    Better,
    Worse,
}

/// <summary>
/// B against A: a difference is claimed only where it is significant and large, so that nobody takes noise for a win.
/// </summary>
/// <param name="MedianA">In the metric's unit, as B's.</param>
/// <param name="MedianB">In the metric's unit.</param>
/// <param name="Change">B's median over A's, less one: -0.1 is ten percent less.</param>
/// <param name="PValue">Of the two-sided Mann–Whitney U test.</param>
/// <param name="Outcome">From B's point of view.</param>
internal sealed record Verdict(double MedianA, double MedianB, double Change, double PValue, Outcome Outcome)
{
    internal const double Significance = 0.05;
    internal const double LeastChange = 0.05;

    /// <summary>Values a side needs before the test can be significant at all: 4 against 4, fully apart, give p = 0.029.</summary>
    internal const int LeastValues = 4;

    /// <exception cref="ArgumentException">Too few values, or one that is not a number.</exception>
    internal static Verdict Of(IReadOnlyList<double> a, IReadOnlyList<double> b, bool higherIsBetter = false)
    {
        if (a.Count < LeastValues || b.Count < LeastValues)
            throw new ArgumentException($"a comparison needs {LeastValues} values a side or more");
        if (!a.Concat(b).All(double.IsFinite))
            throw new ArgumentException("a value is not a number");
        double medianA = Medians.Of(a);
        double medianB = Medians.Of(b);
        double change = medianA == medianB ? 0 : medianB / medianA - 1;
        double p = PValueOf(a, b);
        return new Verdict(medianA, medianB, change, p, Judge(change, p, higherIsBetter));
    }

    private static Outcome Judge(double change, double p, bool higherIsBetter)
    {
        if (!(p < Significance))
            return Outcome.Noise;
        // A change of exactly five percent counts, whichever way the division was rounded.
        if (Math.Abs(change) < LeastChange - 1e-12)
            return Outcome.Small;
        return change > 0 == higherIsBetter ? Outcome.Better : Outcome.Worse;
    }

    private static double PValueOf(IReadOnlyList<double> a, IReadOnlyList<double> b) =>
        MannWhitneyTest.Instance.Perform(new Sample(a), new Sample(b), AlternativeHypothesis.TwoSides, Threshold.Zero).PValue;
}
