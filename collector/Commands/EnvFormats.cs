using System.Text.Encodings.Web;
using System.Text.Json;
using DotnetPprof.Model;

namespace DotnetPprof.Commands;

/// <summary>Environment variables in the notations of those who set them.</summary>
internal static class EnvFormats
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static readonly string[] Names = ["shell", "docker", "systemd", "json"];

    internal static string Render(string format, IReadOnlyList<(string Name, string Value)> variables) => format switch
    {
        "shell" => Lines(variables, (name, value) => $"export {name}={ShellQuote(value)}"),
        "docker" => Lines(variables, (name, value) => $"ENV {name}=\"{Escape(value, "\\\"$")}\""),
        "systemd" => Lines(variables, (name, value) => $"Environment=\"{name}={Escape(value, "\\\"").Replace("%", "%%", StringComparison.Ordinal)}\""),
        "json" => JsonSerializer.Serialize(variables.ToDictionary(pair => pair.Name, pair => pair.Value), s_json) + "\n",
        _ => throw new UserError(ExitCode.Argument, $"'{format}' is not one of the formats {string.Join(", ", Names)}"),
    };

    /// <summary>Single quotes keep everything but themselves.</summary>
    internal static string ShellQuote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string Escape(string text, string special) =>
        string.Concat(text.Select(c => special.Contains(c) ? $"\\{c}" : $"{c}"));

    private static string Lines(IReadOnlyList<(string Name, string Value)> variables, Func<string, string, string> line) =>
        string.Concat(variables.Select(pair => line(pair.Name, pair.Value) + "\n"));
}
