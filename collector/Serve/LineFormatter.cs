using System.Globalization;
using DotnetPprof.Model;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace DotnetPprof.Serve;

/// <summary>One line for each message: time, level where it matters, text.</summary>
internal sealed class LineFormatter() : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    public override void Write<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopes, TextWriter output)
    {
        string level = entry.LogLevel switch
        {
            LogLevel.Warning => "warning: ",
            LogLevel.Error or LogLevel.Critical => "error: ",
            _ => "",
        };
        string text = entry.Formatter(entry.State, null);
        if (entry.Exception is { } error)
            text += $" ({error.GetType().Name}: {error.Message})";
        output.WriteLine($"{DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)}Z {level}{FileProblem.OneLine(text)}");
    }
}
