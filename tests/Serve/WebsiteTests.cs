using System.Net;
using System.Net.Http.Headers;
using System.Text;
using DotnetPprof.Model;
using DotnetPprof.Serve;
using DotnetPprof.Tests.Commands;
using DotnetPprof.Upload;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>
/// What the web side answers while nothing is profiled, and whom it answers. In this process: a signal that another test
/// sends to it would end the service.
/// </summary>
[Collection(SignalCollection.Name)]
public sealed class WebsiteTests
{
    [Fact]
    public async Task ErrorsAreAsGosHandlersGiveThem()
    {
        await using WebApplication app = await Start(Options);
        using HttpClient client = Client(app);
        foreach (string path in (string[])["/debug/pprof/profile?seconds=1", "/debug/pprof/cmdline", "/debug/pprof/heap", "/nothing"])
        {
            using HttpResponseMessage response = await client.GetAsync(path);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            Assert.Equal("1", response.Headers.GetValues("X-Go-Pprof").Single());
            Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.Equal("text/plain; charset=utf-8", response.Content.Headers.ContentType!.ToString());
            Assert.Null(response.Content.Headers.ContentDisposition);
            Assert.EndsWith("\n", await response.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task HealthReadinessMetricsAndIndexAreThere()
    {
        await using WebApplication app = await Start(Options);
        using HttpClient client = Client(app);
        Assert.Equal("ok\n", await client.GetStringAsync("/healthz"));
        while (!(await client.GetAsync("/readyz")).IsSuccessStatusCode)
            await Task.Delay(10);
        string metrics = await client.GetStringAsync("/metrics");
        Assert.Contains("# TYPE dotnet_pprof_targets gauge\n", metrics);
        Assert.Contains("dotnet_pprof_targets{state=\"sampling\"} 0\n", metrics);
        Assert.All(metrics.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches(@"^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[^}]*\})? [0-9.E+-]+)$", line));
        Assert.Contains("None yet", await client.GetStringAsync("/")); // by way of a redirection
    }

    [Theory]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("localhost:6060", HttpStatusCode.OK)]
    [InlineData("127.0.0.1:99", HttpStatusCode.OK)]
    [InlineData("[::1]:99", HttpStatusCode.OK)]
    [InlineData("attacker.example", HttpStatusCode.Forbidden)]
    [InlineData("127.0.0.1.attacker.example", HttpStatusCode.Forbidden)]
    [InlineData("localhost.attacker.example", HttpStatusCode.Forbidden)]
    [InlineData("10.0.0.1", HttpStatusCode.Forbidden)]
    public async Task OnLoopbackOnlyLoopbackIsAskedFor(string host, HttpStatusCode expected)
    {
        await using WebApplication app = await Start(Options);
        using HttpClient client = Client(app);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics") { Headers = { Host = host } };
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.Equal(expected, response.StatusCode);
    }

    [Theory]
    [InlineData("Bearer", "s3cret", HttpStatusCode.OK)]
    [InlineData("bearer", "s3cret", HttpStatusCode.OK)]
    [InlineData("Basic", "any:s3cret", HttpStatusCode.OK)]
    [InlineData("Basic", ":s3cret", HttpStatusCode.OK)]
    [InlineData("Basic", "s3cret:", HttpStatusCode.Unauthorized)]
    [InlineData("Basic", "any:s3cre", HttpStatusCode.Unauthorized)]
    [InlineData("Bearer", "s3cret2", HttpStatusCode.Unauthorized)]
    [InlineData("Digest", "s3cret", HttpStatusCode.Unauthorized)]
    [InlineData("", "", HttpStatusCode.Unauthorized)]
    public async Task WithATokenOnlyWhoHasItIsLetIn(string scheme, string secret, HttpStatusCode expected)
    {
        await using WebApplication app = await Start(Options with { Token = "s3cret" });
        using HttpClient client = Client(app);
        Assert.True((await client.GetAsync("/healthz")).IsSuccessStatusCode);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        if (scheme.Length > 0)
            request.Headers.Authorization = new AuthenticationHeaderValue(scheme, scheme == "Basic" ? Convert.ToBase64String(Encoding.UTF8.GetBytes(secret)) : secret);
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.Equal(expected, response.StatusCode);
        Assert.Equal(expected == HttpStatusCode.Unauthorized, response.Headers.WwwAuthenticate.Count > 0);
    }

    [Fact]
    public async Task HeadIsAnsweredAsGetIsWithoutABody()
    {
        await using WebApplication app = await Start(Options);
        using HttpClient client = Client(app);
        while (!(await client.GetAsync("/readyz")).IsSuccessStatusCode)
            await Task.Delay(10);
        foreach (string path in (string[])["/healthz", "/readyz", "/metrics", "/debug/pprof/", "/", "/debug/pprof/cmdline", "/windows/none", "/nothing"])
        {
            using HttpResponseMessage get = await client.GetAsync(path);
            using HttpResponseMessage head = await Head(path);
            Assert.Equal(get.StatusCode, head.StatusCode);
            Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
            Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        }
        using HttpResponseMessage profile = await Head("/debug/pprof/profile?seconds=60");
        Assert.Equal(HttpStatusCode.MethodNotAllowed, profile.StatusCode);

        async Task<HttpResponseMessage> Head(string path)
        {
            using var request = new HttpRequestMessage(HttpMethod.Head, path);
            return await client.SendAsync(request);
        }
    }

    [Fact]
    public void ASinkThatRefusesLeavesTheOthersAsTheyWere()
    {
        using var folder = new TestFolder();
        var uploads = new UploadOptions(null, new Uri("http://127.0.0.1:4317/not-for-grpc"));
        for (int i = 0; i < 2; i++)
            Assert.Contains("has no path", Assert.Throws<UserError>(() => ServeHost.Build(Options with { OutputDirectory = folder.FullPath, Uploads = uploads }, "/nowhere/agent.so")).Message);
        using FileList list = FileList.Open(folder.FullPath);
        Assert.True(list.EndedInGoodOrder);
    }

    [Fact]
    public async Task WhatBreaksTheServiceIsThrown()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(Options.Listen));
        builder.Services.AddHostedService<Broken>();
        await using WebApplication app = builder.Build();
        await Assert.ThrowsAsync<NotSupportedException>(() => Task.Run(() => ServeHost.Run(app, Options)).WaitAsync(TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public async Task OneThatIsToldToEndBeforeItBeganEnds()
    {
        await using WebApplication app = ServeHost.Build(Options, "/nowhere/agent.so");
        app.Lifetime.StopApplication();
        await Task.Run(() => ServeHost.Run(app, Options)).WaitAsync(TimeSpan.FromMinutes(1));
    }

    private sealed class Broken : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            throw new NotSupportedException();
        }
    }

    /// <summary>Of no process on this machine.</summary>
    private static ServeOptions Options => ServeFakes.Options with { Names = ["no process has this name"] };

    private static async Task<WebApplication> Start(ServeOptions options)
    {
        WebApplication app = ServeHost.Build(options, "/nowhere/agent.so");
        await app.StartAsync();
        return app;
    }

    private static HttpClient Client(WebApplication app) => new() { BaseAddress = new Uri(app.Urls.Single()) };
}
