using System.ComponentModel;
using System.Globalization;
using System.Net;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>Profiles by HTTP, as people's tools and scrapers ask for them.</summary>
public sealed class RequestTests(ITestOutputHelper log) : IDisposable
{
    private readonly ServeProcess serve = new ServeProcess().Start();

    public void Dispose() => serve.Dispose();

    /// <summary>
    /// Grafana Alloy (pyroscope.scrape): GET with seconds = the interval less one, Go's Accept-Encoding; wants 2xx, a content
    /// type that begins with application/octet-stream, and gzip or protobuf that does not look like text. Parca: the same
    /// with seconds = the interval; wants 200, and a profile that passes its ValidatePprofProfile.
    /// </summary>
    [Theory]
    [InlineData("Alloy/v1.11.0 (linux; docker)")]
    [InlineData("conprof/v0.24.2")]
    public async Task ScrapersGetWhatTheyExpect(string userAgent)
    {
        using TargetProgram target = serve.StartService("Burner", "1");
        await serve.WaitUntilSampling(target.Pid);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/debug/pprof/profile?seconds=2");
        Assert.True(request.Headers.TryAddWithoutValidation("User-Agent", userAgent));
        request.Headers.Add("Accept-Encoding", "gzip");
        using HttpResponseMessage response = await serve.Client.SendAsync(request);
        byte[] body = await response.Content.ReadAsByteArrayAsync();

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/octet-stream", response.Content.Headers.ContentType!.ToString());
        Assert.Equal("attachment; filename=\"profile\"", response.Content.Headers.ContentDisposition!.ToString());
        Assert.Empty(response.Content.Headers.ContentEncoding); // the profile's own gzip is its format's
        Assert.Equal([0x1f, 0x8b], body[..2]);
        PprofFile profile = ServeProcess.Read(body);
        Assert.Equal(2_000_000_000, profile.EndNanos - profile.TimeNanos);
        Assert.True(profile.CpuNanosUnder("Burner.Program.Heavy") > profile.CpuNanos / 3);
    }

    [Fact]
    public async Task TwentyWhoAskForDifferentLengthsGetTwentyRightAnswers()
    {
        using TargetProgram target = serve.StartService("Burner", "1");
        await serve.WaitUntilSampling(target.Pid);
        using var witness = new CpuWitness(target.Pid);
        PprofFile[] profiles = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => serve.Profile($"seconds={1 + i % 5}")));
        for (int i = 0; i < profiles.Length; i++)
        {
            Assert.Equal((1 + i % 5) * 1_000_000_000L, profiles[i].EndNanos - profiles[i].TimeNanos);
            long truth = witness.Between(profiles[i].TimeNanos, profiles[i].EndNanos);
            log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{1 + i % 5} s: {truth / 1e9:0.000} s, error {(profiles[i].CpuNanos - truth) / (double)truth:P2}"));
            /* At 100 Hz the CPU time of a busy thread is settled every 10 ms. */
            Assert.InRange(profiles[i].CpuNanos - truth, -0.05 * truth - 20_000_000, 0.05 * truth + 20_000_000);
        }
        await NothingIsLeftOpen();
    }

    [Fact]
    public async Task WhoHangsUpCostsNothingAfterwards()
    {
        using TargetProgram target = serve.StartService("Burner", "1");
        await serve.WaitUntilSampling(target.Pid);
        using (var impatient = new CancellationTokenSource())
        {
            Task[] requests = [.. Enumerable.Range(0, 10).Select(_ => serve.Client.GetAsync("/debug/pprof/profile?seconds=3000", impatient.Token))];
            while ((await Open()) < 11)
                await Task.Delay(50);
            await impatient.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(requests));
        }
        await NothingIsLeftOpen();
    }

    [Fact]
    public async Task WhereThereAreSeveralOneIsChosen()
    {
        using TargetProgram first = serve.StartService("Burner", "1");
        using TargetProgram second = serve.StartService("Burner", "2");
        await serve.WaitUntilSampling(first.Pid);
        await serve.WaitUntilSampling(second.Pid);
        using HttpResponseMessage response = await serve.Client.GetAsync("/debug/pprof/profile?seconds=1");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        string text = await response.Content.ReadAsStringAsync();
        Assert.Contains($"pid={first.Pid} service={serve.Service}", text);
        Assert.Contains($"pid={second.Pid} service={serve.Service}", text);
        using HttpResponseMessage stillSeveral = await serve.Client.GetAsync($"/debug/pprof/profile?seconds=1&service={serve.Service}");
        Assert.Equal(HttpStatusCode.BadRequest, stillSeveral.StatusCode);

        PprofFile profile = await serve.Profile($"seconds=1&pid={second.Pid}");
        Assert.Contains(profile.StackSamples, sample => sample.ThreadName == "burner 1");
        string commandLine = await serve.Client.GetStringAsync($"/debug/pprof/cmdline?pid={first.Pid}");
        Assert.Equal([ProgramPaths.TestProgram("Burner"), "1"], commandLine.Split('\0')[^2..]);
        string page = await serve.Client.GetStringAsync("/debug/pprof/");
        Assert.Contains($"profile?seconds=5&amp;pid={first.Pid}", page);
    }

    [Fact]
    public async Task GosToolNeedsToBeToldNothing()
    {
        try
        {
            using var go = new ChildProcess("go", ["version"]);
            go.WaitForExit();
        }
        catch (Win32Exception)
        {
            Assert.Skip("go is not on PATH");
        }
        using TargetProgram target = serve.StartService("Burner", "1");
        await serve.WaitUntilSampling(target.Pid);
        var environment = new Dictionary<string, string> { ["PPROF_TMPDIR"] = serve.Directory };
        using var pprof = new ChildProcess("go", ["tool", "pprof", "-top", $"{serve.Client.BaseAddress}profile?seconds=5"], serve.Directory, environment);
        Assert.True(pprof.WaitForExit() == 0, pprof.Errors);
        Assert.Contains("Burner.Program.Heavy", pprof.Output);
    }

    private async Task<double> Open() => (await serve.Metrics()).Where(metric => metric.Key.StartsWith("dotnet_pprof_open_windows", StringComparison.Ordinal)).Sum(metric => metric.Value);

    /// <summary>The regular window alone, or two around its end.</summary>
    private async Task NothingIsLeftOpen()
    {
        while (await Open() > 2)
            await Task.Delay(50);
    }
}
