using DotnetPprof.Model;

namespace DotnetPprof.Report;

/// <summary>The functions that used most, of a saved profile or of one in memory.</summary>
internal sealed class TopFunctionsReport
{
    private readonly FunctionTotals totals;

    private TopFunctionsReport(FunctionTotals totals, string valueType, string unit)
    {
        this.totals = totals;
        ValueType = valueType;
        Unit = unit;
    }

    /// <summary>What the values measure, <c>cpu</c> in profiles of this program.</summary>
    public string ValueType { get; }

    /// <summary>The values' unit, <c>nanoseconds</c> in profiles of this program.</summary>
    public string Unit { get; }

    /// <summary>The profile's total.</summary>
    public long Total => totals.Total;

    /// <summary>
    /// Reads any pprof file, gzip-compressed or not. Of several sample types <c>cpu</c> is taken, else the profile's
    /// default, else the last.
    /// </summary>
    /// <exception cref="UserError">The file cannot be read, or is no valid profile.</exception>
    public static TopFunctionsReport Read(string path)
    {
        var totals = new FunctionTotals();
        PprofValueType value = PprofSummary.Read(ProfileBytes.Read(path), path, totals);
        return new TopFunctionsReport(totals, value.Type, value.Unit);
    }

    public static TopFunctionsReport Of(Profile profile)
    {
        var totals = new FunctionTotals();
        var functions = new Dictionary<Location, int[]>(ReferenceEqualityComparer.Instance);
        foreach (ProfileSample sample in profile.Samples)
        {
            totals.BeginStack(sample.CpuNanos);
            bool leaf = true;
            for (int i = 0; i < sample.Stack.Count; i++)
            {
                Location location = sample.Stack[i];
                if (!functions.TryGetValue(location, out int[]? indices))
                    functions.Add(location, indices = [.. NamesOf(location).Select(totals.IndexOf)]);
                foreach (int function in indices)
                {
                    totals.AddFrame(function, sample.CpuNanos, leaf);
                    leaf = false;
                }
            }
        }
        return new TopFunctionsReport(totals, "cpu", "nanoseconds");
    }

    /// <summary>The first <paramref name="n"/> functions by exclusive or inclusive value, largest first.</summary>
    public IReadOnlyList<FunctionRow> Rank(int n, bool inclusive) => totals.Rank(n, inclusive);

    private static IEnumerable<string> NamesOf(Location location) => location.Lines.Count == 0
        ? [UnnamedPlace.Name(location.Mapping.FileName, location.Address.Value)]
        : location.Lines.Select(line => line.Function.Name);
}
