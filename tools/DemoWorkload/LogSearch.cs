using System.Text.RegularExpressions;

namespace DemoWorkload;

/// <summary>Looks for slow and failed requests in a log.</summary>
internal sealed partial class LogSearch
{
    private readonly string _log = string.Join('\n', Enumerable.Range(0, 400).Select(i =>
        $"2024-05-{i % 28 + 1:D2}T10:{i % 60:D2}:00Z level={(i % 7 == 0 ? "error" : "info")} path=/api/v{i % 3}/items/{i * 37} status={200 + i % 4 * 100} took={i * 13 % 900}ms"));

    private readonly Regex _interpreted = new(@"status=5\d\d\s+took=(\d{3,})ms");

    [GeneratedRegex(@"level=(?<level>\w+)\s+path=(?<path>/[\w/]+)")]
    private static partial Regex LevelAndPath();

    internal void Work()
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (Match match in LevelAndPath().Matches(_log))
        {
            string level = match.Groups["level"].Value;
            counts[level] = counts.GetValueOrDefault(level) + match.Groups["path"].Length;
        }

        SlowFailures(counts);
    }

    private void SlowFailures(Dictionary<string, int> counts)
    {
        foreach (Match match in _interpreted.Matches(_log)) counts[match.Groups[1].Value] = match.Index;
    }
}
