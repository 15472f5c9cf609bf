using System.Globalization;
using System.Text;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.ServeSoak;

/// <summary>What one scenario has found.</summary>
internal sealed class Findings
{
    public List<FindingsTable> Tables { get; } = [];

    /// <summary>What is not as promised; none is what is wanted.</summary>
    public List<string> Problems { get; } = [];

    internal void Require(bool holds, FormattableString otherwise)
    {
        if (!holds)
            Problems.Add(otherwise.ToString(CultureInfo.InvariantCulture));
    }

    internal FindingsTable Table(params string[] headers)
    {
        var table = new FindingsTable(headers, []);
        Tables.Add(table);
        return table;
    }

    internal string ToMarkdown(string title, string command, MachineDescription machine)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# {title}: {Problems.Count} problems\n\n`{command}`\n\n");
        foreach (string problem in Problems)
            text.Append("- ").Append(problem).Append('\n');
        foreach (FindingsTable table in Tables)
        {
            var written = new TextTable(table.Headers, [.. Enumerable.Range(1, table.Headers.Length - 1)]);
            table.Rows.ForEach(row => written.Add(row));
            text.Append(written).Append('\n');
        }
        return text.Append(machine.ToMarkdown()).ToString();
    }
}

/// <param name="Headers">Of the columns.</param>
/// <param name="Rows">As many cells each.</param>
internal sealed record FindingsTable(string[] Headers, List<string[]> Rows)
{
    internal void Add(params FormattableString[] cells) => Rows.Add([.. cells.Select(cell => cell.ToString(CultureInfo.InvariantCulture))]);
}
