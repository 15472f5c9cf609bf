using System.IO.Compression;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace DotnetPprof.Tests.Upload.Servers;

/// <summary>
/// A receiver on loopback that holds every request to the rules of its protocol, and answers as its script says.
/// </summary>
internal abstract class TestServer : IAsyncDisposable
{
    private readonly WebApplication web;
    private readonly List<string> violations = [];
    private readonly List<byte[]> accepted = [];
    private int requests;

    /// <param name="protocols">What it speaks.</param>
    /// <param name="script">The answer to a request by its number, from 0; null accepts all.</param>
    /// <param name="certificate">Null for no TLS.</param>
    protected TestServer(HttpProtocols protocols, Func<int, Answer>? script, X509Certificate2? certificate = null)
    {
        Script = script ?? (_ => Answer.Accept);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = protocols;
            if (certificate is not null)
                listen.UseHttps(certificate);
        }));
        builder.WebHost.UseKestrelHttpsConfiguration();
        web = builder.Build();
        web.Run(HandleAsync);
        web.StartAsync().GetAwaiter().GetResult();
        Url = new Uri(web.Urls.Single());
    }

    public Uri Url { get; }

    public Func<int, Answer> Script { get; set; }

    /// <summary>Rules that requests broke.</summary>
    public IReadOnlyList<string> Violations
    {
        get
        {
            lock (violations)
                return [.. violations];
        }
    }

    /// <summary>Messages that were acknowledged, in order.</summary>
    public IReadOnlyList<byte[]> Accepted
    {
        get
        {
            lock (violations)
                return [.. accepted];
        }
    }

    public int Requests => Volatile.Read(ref requests);

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await web.StopAsync(now.Token);
        await web.DisposeAsync();
    }

    /// <summary>Reads a request; what is wrong with it is said.</summary>
    protected abstract Task<byte[]> ReadAsync(HttpContext context, Action<string> violation);

    /// <summary>Rules about the message itself.</summary>
    protected abstract IEnumerable<string> Check(byte[] message);

    protected abstract Task AnswerAsync(HttpContext context, Answer answer);

    internal static byte[] Unzip(byte[] bytes)
    {
        using var source = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
        using var whole = new MemoryStream();
        source.CopyTo(whole);
        return whole.ToArray();
    }

    protected static async Task<byte[]> BodyAsync(HttpContext context)
    {
        using var whole = new MemoryStream();
        await context.Request.Body.CopyToAsync(whole);
        return whole.ToArray();
    }

    private async Task HandleAsync(HttpContext context)
    {
        Answer answer = Script(Interlocked.Increment(ref requests) - 1);
        if (answer.Kind == AnswerKind.BreakRequest)
        {
            await context.Request.Body.ReadExactlyAsync(new byte[1]);
            context.Abort();
            return;
        }
        byte[] message = await ReadAsync(context, Note);
        foreach (string broken in Check(message))
            Note(broken);
        if (answer.Kind == AnswerKind.NeverAnswer)
        {
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { });
            return;
        }
        if (answer.Kind == AnswerKind.Accept)
        {
            lock (violations)
                accepted.Add(message);
        }
        await AnswerAsync(context, answer);
    }

    private void Note(string violation)
    {
        lock (violations)
            violations.Add(violation);
    }
}
