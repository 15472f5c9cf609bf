using Spectre.Console;

namespace DotnetPprof.Commands;

/// <summary>
/// Rows of text in columns as wide as their content. Where a terminal is too narrow only the last column is cut; a
/// table that shares the width out would break numbers into pieces.
/// </summary>
/// <param name="headers">One for each column.</param>
/// <param name="rightAligned">Whether the column of that index holds numbers.</param>
internal sealed class Columns(string[] headers, Func<int, bool> rightAligned)
{
    private const string Gap = "  ";

    private readonly List<string[]> _rows = [];

    internal void Add(params string[] cells) => _rows.Add(cells);

    /// <param name="console">Where to.</param>
    /// <param name="cut">Which end of the last column may be cut to fit.</param>
    internal void Write(IAnsiConsole console, Cut cut)
    {
        int[] widths = [.. headers.Select((header, i) => Math.Max(header.Length, _rows.Select(row => row[i].Length).DefaultIfEmpty().Max()))];
        int room = Math.Max(console.Profile.Width - widths[..^1].Sum(width => width + Gap.Length), 1);
        foreach (string[] row in _rows.Prepend(headers))
        {
            var cells = row.Select((cell, i) => rightAligned(i) ? cell.PadLeft(widths[i]) : i < row.Length - 1 ? cell.PadRight(widths[i]) : Fit(cell, room, cut));
            console.WriteRaw(string.Join(Gap, cells) + "\n");
        }
    }

    private static string Fit(string cell, int room, Cut cut) => cut switch
    {
        _ when cell.Length <= room => cell,
        Cut.End => cell[..(room - 1)] + "…",
        Cut.Start => "…" + cell[^(room - 1)..],
        _ => cell,
    };
}

/// <summary>What is left out of a text that does not fit.</summary>
internal enum Cut
{
    Nothing,

    /// <summary>The namespace rather than the method.</summary>
    Start,

    End,
}
