using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>A rate that is dearer than <c>--max-overhead</c> allows is lowered, and whoever looks sees to what and why.</summary>
public sealed class LoweredRateTests : IDisposable
{
    private const int AskedHz = 2_000;

    private readonly ServeProcess serve = new();

    public void Dispose() => serve.Dispose();

    [Fact]
    public async Task TheRateThatIsLeftIsShownWithItsReason()
    {
        /* No machine takes a sample in a tenth of a microsecond. */
        serve.Start("--window", "5s", "--rate", $"{AskedHz}", "--max-overhead", "0.02");
        using TargetProgram target = serve.StartService("Burner", "1");
        while (serve.Windows(target.Pid).Count == 0)
            await Task.Delay(100);
        KeyValuePair<string, double> rate = (await serve.Metrics()).Single(metric => metric.Key.StartsWith("dotnet_pprof_rate_hertz", StringComparison.Ordinal));
        Assert.InRange(rate.Value, double.Epsilon, AskedHz - 1);
        string page = await serve.Client.GetStringAsync("/debug/pprof/");
        Assert.Contains("or as many as 0.02 % of a thread's time allows", page);
        Assert.Matches("title=\"lowered to [0-9]+ Hz: [^\"]*\\(--max-overhead\\)\">[0-9]+ Hz</td>", page);
    }
}
