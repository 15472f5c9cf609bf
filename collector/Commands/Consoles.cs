using Spectre.Console;

namespace DotnetPprof.Commands;

/// <summary>Consoles that are coloured and as wide as the terminal on one, and plain and unwrapped in a pipe.</summary>
internal static class Consoles
{
    /// <summary>Wide enough that nothing is folded; a table is only as wide as its content.</summary>
    private const int PipeWidth = 16_384;

    internal static IAnsiConsole Create(TextWriter writer, bool isRedirected)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = isRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = isRedirected ? InteractionSupport.No : InteractionSupport.Detect,
        });
        if (isRedirected) console.Profile.Width = PipeWidth;
        return console;
    }

    /// <summary>Whether a line can be redrawn in place.</summary>
    internal static bool CanRedraw(this IAnsiConsole console) => console.Profile.Capabilities.Ansi && console.Profile.Capabilities.Interactive;

    /// <summary>Writes text as it stands: not folded, not interpreted.</summary>
    internal static void WriteRaw(this IAnsiConsole console, string text)
    {
        console.Profile.Out.Writer.Write(text);
        console.Profile.Out.Writer.Flush();
    }

    /// <summary>Writes a table, in a pipe without the blanks that fill its last column.</summary>
    internal static void WriteTable(this IAnsiConsole console, Table table)
    {
        if (console.Profile.Capabilities.Ansi)
        {
            console.Write(table);
            return;
        }

        using var text = new StringWriter();
        var plain = Create(text, isRedirected: true);
        plain.Write(table);
        foreach (string line in text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)) console.WriteRaw(line.TrimEnd() + "\n");
    }

    /// <summary>A table without lines, which stays readable in a pipe.</summary>
    internal static Table PlainTable() => new Table().Border(TableBorder.None);
}
