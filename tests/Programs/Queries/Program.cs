using System.Globalization;
using System.Linq.Expressions;
using System.Text.RegularExpressions;

namespace Queries;

/// <summary>
/// Regular expressions, made by the source generator, compiled at run time and interpreted, and LINQ over what they find,
/// compiled expressions included, until standard input ends.
/// </summary>
internal static partial class Program
{
    private const string Pattern = @"^(?<address>\d+\.\d+\.\d+\.\d+) (?<verb>[A-Z]+) (?<path>/[\w/-]+)(\?(?<query>\S+))? (?<status>\d{3}) (?<bytes>\d+)$";
    private static readonly Regex[] s_ways = [Generated(), new(Pattern, RegexOptions.Compiled), new(Pattern, RegexOptions.NonBacktracking), new(Pattern)];
    private static volatile bool s_stop;
    private static long s_sink;

    private static void Main()
    {
        Thread[] threads = [new(() => Repeat(Match)) { Name = "matching" }, new(() => Repeat(Query)) { Name = "querying" }];
        foreach (Thread thread in threads)
            thread.Start();
        Console.WriteLine("ready");
        Console.In.ReadToEnd();
        s_stop = true;
        foreach (Thread thread in threads)
            thread.Join();
        Console.WriteLine("done");
    }

    private static void Repeat(Func<string[], int, long> work)
    {
        string[] lines = [.. Enumerable.Range(0, 500).Select(i => string.Create(
            CultureInfo.InvariantCulture, $"10.0.{i % 7}.{i % 250} {(i % 3 == 0 ? "POST" : "GET")} /orders/{i % 40}/lines{(i % 2 == 0 ? $"?page={i}" : "")} {200 + (i % 5 * 100)} {i * 37}"))];
        for (int round = 0; !s_stop; round++)
            Interlocked.Add(ref s_sink, work(lines, round));
    }

    private static long Match(string[] lines, int round)
    {
        Regex regex = s_ways[round % s_ways.Length];
        long bytes = 0;
        foreach (string line in lines)
        {
            if (regex.Match(line) is { Success: true } match)
                bytes += int.Parse(match.Groups["bytes"].ValueSpan, CultureInfo.InvariantCulture);
        }
        return bytes + Digits().Replace(string.Join('\n', lines), match => $"<{match.Value}>").Length;
    }

    private static long Query(string[] lines, int round)
    {
        /* New code all the while, as object mappers make it. */
        Func<Line, bool> filter = Filter(round % 5).Compile();
        var byPath =
            from line in lines.Select(Line.Parse)
            where filter(line) || line.Verb == "GET"
            group line by line.Path into path
            let most = path.Max(line => line.Bytes)
            orderby most descending, path.Key
            select new { path.Key, Most = most, Verbs = path.Select(line => line.Verb).Distinct().Order().ToList() };
        return byPath.Zip(byPath.Skip(1), (a, b) => a.Most - b.Most + a.Verbs.Count).Sum(x => (long)x)
            + lines.Chunk(16).SelectMany(chunk => chunk.Reverse()).Aggregate(0L, (sum, line) => sum + line.Length);
    }

    private static Expression<Func<Line, bool>> Filter(int status) => line => line.Status == 200 + (status * 100) && line.Path.EndsWith("lines");

    [GeneratedRegex(Pattern)]
    private static partial Regex Generated();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Digits();

    private sealed record Line(string Verb, string Path, int Status, int Bytes)
    {
        public static Line Parse(string text)
        {
            string[] fields = text.Split(' ');
            return new Line(fields[1], fields[2].Split('?')[0], int.Parse(fields[3], CultureInfo.InvariantCulture), int.Parse(fields[4], CultureInfo.InvariantCulture));
        }
    }
}
