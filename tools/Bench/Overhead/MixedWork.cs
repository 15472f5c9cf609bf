using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace DotnetPprof.Bench.Overhead;

/// <summary>What services do: parses and formats text, counts in dictionaries, sorts, allocates, and asks for the time.</summary>
internal sealed class MixedWork : IWork
{
    private readonly Dictionary<string, int> counts = [];
    private readonly Queue<string[]> recent = new();
    private readonly StringBuilder text = new();
    private int number;

    public void Unit()
    {
        string line = Compose(++number);
        string[] fields = line.Split(';');
        foreach (string field in fields)
            Count(field);
        Remember(fields);
        if (number % 16 == 0)
            Rank();
        Time();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private string Compose(int seed)
    {
        text.Clear();
        for (int i = 0; i < 12; i++)
            text.Append(CultureInfo.InvariantCulture, $"item-{(seed * 31 + i * 17) % 997:D4}={seed * i % 1000:N2};");
        return text.ToString();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Count(string field)
    {
        int equals = field.IndexOf('=', StringComparison.Ordinal);
        string key = equals < 0 ? field : field[..equals];
        counts[key] = counts.GetValueOrDefault(key) + 1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Remember(string[] fields)
    {
        recent.Enqueue(fields);
        if (recent.Count > 1000)
            recent.Dequeue();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Rank() => counts.OrderByDescending(pair => pair.Value).Take(10).Sum(pair => pair.Value);

    /// <summary>Through the runtime into the system's library, and out again.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Time()
    {
        long sum = 0;
        for (int i = 0; i < 20; i++)
            sum += Stopwatch.GetTimestamp() + DateTime.UtcNow.Ticks;
        return sum;
    }
}
