using System.Globalization;
using System.Text;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Soak;

/// <param name="Machine">Where.</param>
/// <param name="Engine">As asked for.</param>
/// <param name="Seed">Has it again, but for the scheduler's share.</param>
/// <param name="Minutes">How long.</param>
/// <param name="Counts">What was done.</param>
/// <param name="Losses">Samples and threads lost, by reason, of the captures that the runner made itself.</param>
/// <param name="Trends">Resources, from the first reading to the last.</param>
/// <param name="Problems">What went wrong; none is what is wanted.</param>
internal sealed record SoakReport(
    MachineDescription Machine, string Engine, int Seed, double Minutes, IReadOnlyDictionary<string, long> Counts,
    IReadOnlyDictionary<string, long> Losses, IReadOnlyList<string> Trends, IReadOnlyList<Problem> Problems)
{
    internal string ToMarkdown()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Soak: engine {Engine}, {Minutes:0.#} minutes, seed {Seed}: {Problems.Count} problems\n\n");
        text.Append(CultureInfo.InvariantCulture, $"`dotnet run -c Release --project tools/Soak -- --minutes {Minutes:0} --engine {Engine} --seed {Seed}`\n\n");
        if (Problems.Count > 0)
        {
            var problems = new TextTable(["target", "kind", "what"]);
            foreach (Problem problem in Problems)
                problems.Add(problem.Life < 0 ? "-" : $"{problem.Life}", $"{problem.Kind}", problem.What.Replace("|", "/", StringComparison.Ordinal));
            text.Append(problems).Append('\n');
        }
        Append(text, "done", Counts);
        if (Losses.Count > 0)
            Append(text, "lost", Losses);
        foreach (string trend in Trends)
            text.Append("- ").Append(trend).Append('\n');
        return text.Append('\n').Append(Machine.ToMarkdown()).ToString();
    }

    private static void Append(StringBuilder text, string title, IReadOnlyDictionary<string, long> counts)
    {
        var table = new TextTable([title, "times"], 1);
        foreach ((string what, long number) in counts)
            table.Add(what, number.ToString("N0", CultureInfo.InvariantCulture));
        text.Append(table).Append('\n');
    }
}
