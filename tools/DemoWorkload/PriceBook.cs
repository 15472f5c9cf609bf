namespace DemoWorkload;

/// <summary>Sorts quotes and keeps the best of each instrument.</summary>
internal sealed class PriceBook
{
    private readonly record struct Quote(int Instrument, double Price, long Sequence);

    private readonly Random _random = new(2);
    private readonly Dictionary<int, Quote> _best = [];

    internal void Work()
    {
        var quotes = new Quote[20_000];
        for (int i = 0; i < quotes.Length; i++) quotes[i] = new Quote(_random.Next(2_000), _random.NextDouble() * 100, i);
        Array.Sort(quotes, (a, b) => a.Price != b.Price ? a.Price.CompareTo(b.Price) : a.Sequence.CompareTo(b.Sequence));
        Index(quotes);
        if (Volatility(quotes) < 0) throw new InvalidOperationException("a variance cannot be negative");
    }

    private void Index(Quote[] quotes)
    {
        _best.Clear();
        foreach (var quote in quotes) _best.TryAdd(quote.Instrument, quote);
    }

    private static double Volatility(Quote[] quotes)
    {
        double sum = 0, squares = 0;
        foreach (var quote in quotes)
        {
            sum += Math.Log(1 + quote.Price);
            squares += Math.Log(1 + quote.Price) * Math.Log(1 + quote.Price);
        }

        return squares / quotes.Length - sum / quotes.Length * (sum / quotes.Length) + 1e-9;
    }
}
