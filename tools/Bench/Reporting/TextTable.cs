using System.Text;

namespace DotnetPprof.Bench.Reporting;

/// <summary>A Markdown table, its columns as wide as their content: for files and for the console alike.</summary>
internal sealed class TextTable(string[] headers, params int[] numericColumns)
{
    private readonly List<string[]> rows = [];

    internal void Add(params string[] cells) => rows.Add(cells);

    public override string ToString()
    {
        int[] widths = [.. headers.Select((header, i) => Math.Max(3, rows.Select(row => row[i].Length).Append(header.Length).Max()))];
        var text = new StringBuilder();
        Append(text, headers, widths);
        text.Append('|');
        for (int i = 0; i < widths.Length; i++)
            text.Append(' ').Append('-', widths[i] - 1).Append(numericColumns.Contains(i) ? ':' : '-').Append(" |");
        text.Append('\n');
        foreach (string[] row in rows)
            Append(text, row, widths);
        return text.ToString();
    }

    private void Append(StringBuilder text, string[] cells, int[] widths)
    {
        text.Append('|');
        for (int i = 0; i < widths.Length; i++)
            text.Append(' ').Append(numericColumns.Contains(i) ? cells[i].PadLeft(widths[i]) : cells[i].PadRight(widths[i])).Append(" |");
        text.Append('\n');
    }
}
