using System.Net.Http.Json;
using System.Text.Json;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>An ASP.NET Core service under load, by both ways in.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class WebServiceTests(ITestOutputHelper log)
{
    [Fact]
    public async Task AttachedWhileRunning()
    {
        using var target = new TargetProgram("WebService", []);
        await Profile(target, "-p", $"{target.Pid}");
    }

    [Fact]
    public async Task StartedWithTheVariablesAndPickedUpByName()
    {
        using var collector = new Collector();
        (int exitCode, string output, string errors) = collector.Run("env", "--format", "json");
        Assert.True(exitCode == 0, errors);
        Dictionary<string, string> variables = JsonSerializer.Deserialize<Dictionary<string, string>>(output)!;
        using var target = new TargetProgram("WebService", [], variables);
        await Profile(target, "-n", "WebService");
    }

    private async Task Profile(TargetProgram target, params string[] selection)
    {
        string address = target.WaitForLine("http://");
        using var load = new CancellationTokenSource();
        Task[] clients = [.. Enumerable.Range(0, 4).Select(i => Task.Run(() => Load(address, load.Token)))];
        await Task.Delay(1000); // past the first requests, which only start things up
        using var collector = new Collector();
        PprofFile profile = collector.Collect([.. selection, "-d", "5", "-r", "1000"]);
        await load.CancelAsync();
        await Task.WhenAll(clients);

        var quality = new StackQuality(profile);
        log.WriteLine($"{quality}; unsampled {profile.UnsampledShare:P2}");
        Assert.True(profile.CpuNanosUnder("Microsoft.AspNetCore.") > 0);
        quality.MeetsTheBar(profile);
    }

    private static async Task Load(string address, CancellationToken stop)
    {
        using var client = new HttpClient { BaseAddress = new Uri(address) };
        while (!stop.IsCancellationRequested)
        {
            JsonElement orders = await client.GetFromJsonAsync<JsonElement>("/orders/100");
            using HttpResponseMessage sums = await client.PostAsJsonAsync("/orders", orders);
            sums.EnsureSuccessStatusCode();
            Assert.Equal(64, (await client.GetStringAsync("/hash/abc")).Length);
        }
    }
}
