using System.Globalization;
using DotnetPprof.Tests.PprofReader;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Who called a function, by samples that have it on their stack.</summary>
internal sealed class CallerShares
{
    private readonly Dictionary<string, long> callers = [];

    /// <param name="callee">The function's name with its namespace and type, without arguments.</param>
    public CallerShares(PprofFile profile, string callee)
    {
        foreach (PprofSample sample in profile.StackSamples)
        {
            string[] names = [.. sample.FunctionNames.Select(WithoutArguments)];
            int at = Array.LastIndexOf(names, callee);
            if (at < 0)
                continue;
            string caller = at + 1 < names.Length ? names[at + 1] : "[none]";
            callers[caller] = callers.GetValueOrDefault(caller) + sample.Count;
            Samples += sample.Count;
        }
    }

    public long Samples { get; private set; }

    /// <summary>Of all samples, those with none of these callers.</summary>
    public double Missing(params string[] expected) => 1 - ((double)expected.Sum(Of) / Samples);

    /// <summary>Of the samples with one of two callers, those with the first.</summary>
    public double Share(string first, string second) => (double)Of(first) / (Of(first) + Of(second));

    public override string ToString() => string.Join(", ", callers.OrderByDescending(pair => pair.Value).Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Value} {pair.Key}")));

    private long Of(string caller) => callers.GetValueOrDefault(caller);

    private static string WithoutArguments(string name) => name.IndexOf('(', StringComparison.Ordinal) is var at and > 0 ? name[..at] : name;
}
