using System.Text.Json;

namespace DemoWorkload;

internal sealed record OrderLine(string Sku, int Quantity, decimal Price);

internal sealed record Order(int Id, string Customer, DateTime Placed, List<OrderLine> Lines);

/// <summary>Orders come and go as JSON.</summary>
internal sealed class OrderFeed
{
    private readonly Random _random = new(1);

    internal void Work()
    {
        byte[] wire = JsonSerializer.SerializeToUtf8Bytes(MakeBatch(50));
        decimal total = 0;
        foreach (var order in JsonSerializer.Deserialize<List<Order>>(wire)!) total += Total(order);
        if (total < 0) throw new InvalidOperationException("orders cannot cost less than nothing");
    }

    private List<Order> MakeBatch(int count)
    {
        var orders = new List<Order>(count);
        for (int i = 0; i < count; i++)
        {
            var lines = Enumerable.Range(0, _random.Next(1, 9))
                .Select(n => new OrderLine($"SKU-{_random.Next(10_000):D5}", n + 1, _random.Next(100, 99_999) / 100m))
                .ToList();
            orders.Add(new Order(i, $"customer {_random.Next(500)}", DateTime.UnixEpoch.AddMinutes(i), lines));
        }

        return orders;
    }

    private static decimal Total(Order order) => order.Lines.Sum(line => line.Quantity * line.Price);
}
