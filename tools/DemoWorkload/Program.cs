using System.Globalization;

namespace DemoWorkload;

/// <summary>
/// A small imitation of a service: an order desk whose named threads parse, price, index, sort and sign orders, beside
/// asynchronous work on the pool. Runs until it is told to end, or for the seconds given as its first argument.
/// </summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = System.Runtime.InteropServices.PosixSignalRegistration.Create(
            System.Runtime.InteropServices.PosixSignal.SIGTERM,
            context =>
            {
                context.Cancel = true;
                stop.Cancel();
            });
        Console.CancelKeyPress += (_, e) =>
        {
            e.Cancel = true;
            stop.Cancel();
        };
        if (args.Length > 0)
        {
            if (!double.TryParse(args[0], CultureInfo.InvariantCulture, out double seconds) || seconds <= 0)
            {
                Console.Error.WriteLine("usage: DemoWorkload [SECONDS]");
                return 2;
            }

            stop.CancelAfter(TimeSpan.FromSeconds(seconds));
        }

        Thread[] threads =
        [
            Start("orders", new OrderFeed().Work, stop.Token),
            Start("search", new LogSearch().Work, stop.Token),
            Start("pricing", new PriceBook().Work, stop.Token),
            Start("ledger", new Ledger().Work, stop.Token),
        ];
        var gateway = new Gateway().RunAsync(stop.Token);
        foreach (var thread in threads) thread.Join();
        gateway.GetAwaiter().GetResult();
        return 0;
    }

    private static Thread Start(string name, Action work, CancellationToken stop)
    {
        var thread = new Thread(() =>
        {
            while (!stop.IsCancellationRequested) work();
        })
        { Name = name };
        thread.Start();
        return thread;
    }
}
