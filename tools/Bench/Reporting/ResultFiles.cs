using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace DotnetPprof.Bench.Reporting;

/// <summary>Where results are kept, and how they are written for machines.</summary>
internal static class ResultFiles
{
    private static readonly JsonSerializerOptions options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        // Only for files and consoles: "+" stays "+".
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    internal static string ToJson<T>(T report) => JsonSerializer.Serialize(report, options);

    /// <summary>Writes KIND.MACHINE.md and .json into the directory, in place of what an earlier run left.</summary>
    /// <returns>The path without its extension.</returns>
    internal static string Write(string directory, string kind, string machine, string markdown, string json)
    {
        Directory.CreateDirectory(directory);
        string path = Path.Combine(directory, $"{kind}.{machine}");
        File.WriteAllText(path + ".md", markdown);
        File.WriteAllText(path + ".json", json + "\n");
        return path;
    }

    /// <summary>tools/results of the repository this program was built in, or of the working directory.</summary>
    internal static string DefaultDirectory()
    {
        foreach (string from in new[] { AppContext.BaseDirectory, Environment.CurrentDirectory })
        {
            for (DirectoryInfo? at = new(from); at is not null; at = at.Parent)
            {
                if (File.Exists(Path.Combine(at.FullName, "Profiler.sln")))
                    return Path.Combine(at.FullName, "tools", "results");
            }
        }
        return Path.Combine("tools", "results");
    }
}
