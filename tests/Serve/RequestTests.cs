using System.ComponentModel;
using System.Net;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>Profiles by HTTP, as people's tools and scrapers ask for them.</summary>
public sealed class RequestTests : IDisposable
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
    public async Task WhoHangsUpCostsNothingAfterwards()
    {
        using TargetProgram target = serve.StartService("Burner", "1");
        await serve.WaitUntilSampling(target.Pid);
        using (var impatient = new CancellationTokenSource())
        {
            Task[] requests = [.. Enumerable.Range(0, 10).Select(_ => serve.Client.GetAsync("/debug/pprof/profile?seconds=3000", impatient.Token))];
            while (await serve.OpenWindows() < 11)
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

    /// <summary>The regular window alone, or two around its end.</summary>
    private async Task NothingIsLeftOpen()
    {
        while (await serve.OpenWindows() > 2)
            await Task.Delay(50);
    }
}
