using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace WebService;

/// <summary>A small service on a port of its own choosing; prints its address, serves until standard input ends.</summary>
internal static class Program
{
    private static async Task Main()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        WebApplication app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapGet("/orders/{count:int}", (int count) => Enumerable.Range(0, count).Select(Order.Numbered).ToArray());
        app.MapPost("/orders", (Order[] orders) => orders.GroupBy(order => order.Customer).ToDictionary(group => group.Key, group => group.Sum(order => order.Total)));
        app.MapGet("/hash/{text}", (string text) => Convert.ToHexString(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(text))));
        await app.StartAsync();
        Console.WriteLine(app.Urls.Single());
        await Task.Run(Console.In.ReadToEnd);
        await app.StopAsync();
    }
}

internal sealed record Order(int Number, string Customer, decimal Total)
{
    public static Order Numbered(int number) =>
        new(number, string.Create(CultureInfo.InvariantCulture, $"customer {number % 37}"), number * 1.25m);
}
