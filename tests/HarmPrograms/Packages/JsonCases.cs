using System.Globalization;
using System.Text;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace DotnetPprof.HarmPrograms;

/// <summary>JSON made from a number: parsed, queried, serialized from objects and back, and broken.</summary>
internal static class JsonCases
{
    private const int Count = 400;

    private sealed record Order(int Id, string Customer, decimal Total, DateTime Placed, List<string> Lines, Dictionary<string, double> Rates, Order? Previous);

    internal static IEnumerable<(string, Func<string>)> All()
    {
        for (int i = 0; i < Count; i++)
        {
            int seed = i;
            yield return ($"json-{i}", (i % 4) switch
            {
                0 => () => JToken.Parse(Text(seed)).ToString(seed % 8 == 0 ? Formatting.Indented : Formatting.None),
                1 => () => RoundTrip(seed),
                2 => () => Broken(seed),
                _ => () => string.Join(',', JToken.Parse(Text(seed)).SelectTokens("$..[?(@ > 10 || @.a)]").Select(token => token.Path)),
            });
        }
    }

    private static string Text(int seed)
    {
        var text = new StringBuilder();
        Append(text, new Random(seed), 5);
        return text.ToString();
    }

    private static void Append(StringBuilder text, Random random, int depth)
    {
        switch (random.Next(depth > 0 ? 8 : 5))
        {
            case 0: text.Append("null"); break;
            case 1: text.Append(random.Next(2) == 0 ? "true" : "false"); break;
            case 2: text.Append(random.Next(-1000, 1000)); break;
            case 3: text.Append((random.NextDouble() * Math.Pow(10, random.Next(-20, 20))).ToString("R", CultureInfo.InvariantCulture)); break;
            case 4: text.Append('"').Append("a\\u00e9\\n\\\"𝄞z"[..random.Next(2)]).Append(random.Next()).Append('"'); break;
            case 5 or 6:
                text.Append('{');
                for (int i = 0, count = random.Next(1, 6); i < count; i++)
                {
                    text.Append(i == 0 ? "" : ", ").Append('"').Append((char)('a' + i)).Append("\": ");
                    Append(text, random, depth - 1);
                }
                text.Append('}');
                break;
            default:
                text.Append('[');
                for (int i = 0, count = random.Next(1, 6); i < count; i++)
                {
                    text.Append(i == 0 ? "" : ",");
                    Append(text, random, depth - 1);
                }
                text.Append(']');
                break;
        }
    }

    private static string RoundTrip(int seed)
    {
        var random = new Random(seed);
        Order? order = null;
        for (int i = 0; i < 20; i++)
        {
            order = new Order(
                random.Next(), $"customer {random.Next():x}", random.Next() / 100m, DateTime.UnixEpoch.AddSeconds(random.Next()),
                [.. Enumerable.Range(0, random.Next(10)).Select(line => $"line {line}\t\"{random.Next()}\"")],
                Enumerable.Range(0, random.Next(10)).ToDictionary(key => $"k{key}", _ => random.NextDouble()), order);
        }
        var settings = new JsonSerializerSettings { MaxDepth = 128, DateTimeZoneHandling = DateTimeZoneHandling.Utc };
        string once = JsonConvert.SerializeObject(order, settings);
        string twice = JsonConvert.SerializeObject(JsonConvert.DeserializeObject<Order>(once, settings), settings);
        return once == twice ? once : $"not the same: {once} {twice}";
    }

    private static string Broken(int seed)
    {
        string text = "[" + Text(seed) + "]";
        int at = new Random(seed).Next(text.Length);
        return JToken.Parse(text[..at] + "}:"[seed % 2] + text[at..]).ToString();
    }
}
