using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DotnetPprof.Model;
using DotnetPprof.Tests.Upload.Servers;
using DotnetPprof.Upload;
using DotnetPprof.Upload.Otlp;
using DotnetPprof.Upload.Pyroscope;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace DotnetPprof.Tests.Upload;

/// <summary>From a profile through the queue to a receiver that has its bad days.</summary>
public sealed class ReceiverTests : IDisposable
{
    private static readonly Answer[] BadDays =
    [
        new(AnswerKind.BreakRequest),
        new(AnswerKind.BreakReply),
        Answer.Accept,
    ];

    private readonly UploadDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [MemberData(nameof(ClientTests.Protocols), MemberType = typeof(ClientTests))]
    public async Task EverythingArrivesInTheEnd(ClientTests.Protocol protocol)
    {
        Answer busy = Answer.Refuse(protocol == ClientTests.Protocol.OtlpGrpc ? 14 : 503, "7");
        await using TestServer server = ClientTests.Start(protocol, i => i == 0 ? busy : i < 30 ? BadDays[i % 3] : Answer.Accept);
        using UploadQueue queue = directory.Open(16 << 20);
        List<byte[]> made = [];
        for (int i = 0; i < 12; i++)
        {
            // One window in three takes more than one request.
            Profile profile = i % 3 == 0 ? SampleProfiles.Large(5_000, 1_000) : SampleProfiles.Whole();
            IReadOnlyList<byte[]> messages = ClientTests.Format(protocol).Encode(profile, SampleProfiles.Origin);
            Assert.Equal(i % 3 == 0, messages.Count > 1);
            made.AddRange(messages);
            queue.Add(messages);
        }

        List<TimeSpan> waits = await UploadAsync(queue, ClientTests.Client(protocol, server.Url));
        Assert.Empty(server.Violations);
        Assert.Equal((12, 12, 0), (queue.Account.Made, queue.Account.Delivered, queue.Account.Dropped.Values.Sum()));
        Assert.Equal(made.Select(Convert.ToHexString).Order(), server.Accepted.Select(Convert.ToHexString).Order());
        // The receiver asked for 7 s first; what broke afterwards waited by our own rule.
        Assert.InRange(waits[0].TotalSeconds, 7, 7.7);
        Assert.All(waits[1..], wait => Assert.InRange(wait.TotalSeconds, 0.5, 7));
    }

    [Theory]
    [MemberData(nameof(ClientTests.Protocols), MemberType = typeof(ClientTests))]
    public async Task OneBadWindowHoldsUpNobody(ClientTests.Protocol protocol)
    {
        // What Pyroscope may try again OTLP must not: the window is given up there.
        await using TestServer server = ClientTests.Start(protocol, i => i is 0 or 3 ? Answer.Refuse(protocol == ClientTests.Protocol.OtlpGrpc ? 13 : 500) : Answer.Accept);
        using UploadQueue queue = directory.Open();
        for (int i = 0; i < 3; i++)
            queue.Add(ClientTests.Format(protocol).Encode(SampleProfiles.Whole(), SampleProfiles.Origin));
        await UploadAsync(queue, ClientTests.Client(protocol, server.Url));
        (int delivered, int rejected, int requests) = protocol == ClientTests.Protocol.Pyroscope ? (3, 0, 5) : (2, 1, 3);
        Assert.Equal((delivered, rejected, requests), (queue.Account.Delivered, queue.Account.Dropped[DropReason.Rejected], server.Requests));
    }

    [Fact]
    public async Task PyroscopeIsToldWhoPushes()
    {
        var variables = new Dictionary<string, string> { ["PYROSCOPE_TENANT_ID"] = "team-a", ["PYROSCOPE_BASIC_AUTH_USER"] = "12", ["PYROSCOPE_BASIC_AUTH_PASSWORD"] = "pass" };
        await using var server = new PyroscopeServer();
        await SendAsync(new PyroscopeClient(server.Url, PyroscopeClient.HeadersFrom(variables.GetValueOrDefault), TimeSpan.FromMinutes(1)), new PyroscopeFormat());
        Assert.Equal("team-a", server.Headers["X-Scope-OrgID"]);
        Assert.Equal("Basic MTI6cGFzcw==", server.Headers["Authorization"]);

        variables = new() { ["PYROSCOPE_AUTH_TOKEN"] = "token" };
        await SendAsync(new PyroscopeClient(server.Url, PyroscopeClient.HeadersFrom(variables.GetValueOrDefault), TimeSpan.FromMinutes(1)), new PyroscopeFormat());
        Assert.Equal("Bearer token", server.Headers["Authorization"]);
        Assert.Equal(2, server.Requested.Count());
    }

    [Theory]
    [InlineData("grpc")]
    [InlineData("http/protobuf")]
    public async Task OtlpHeadersComeFromTheEnvironment(string protocol)
    {
        var variables = new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_PROFILES_PROTOCOL"] = protocol,
            ["OTEL_EXPORTER_OTLP_HEADERS"] = "Api-Key=a%20b, X-Team = c",
        };
        await using TestServer server = ClientTests.Start(protocol == "grpc" ? ClientTests.Protocol.OtlpGrpc : ClientTests.Protocol.OtlpHttp, Answer.Accept);
        await SendAsync(OtlpAddress.Client(server.Url, variables.GetValueOrDefault, TimeSpan.FromMinutes(1)), new OtlpFormat((_, _) => null));
        IReadOnlyDictionary<string, string> headers = server is OtlpGrpcServer grpc ? grpc.Headers : ((HttpServer)server).Headers;
        Assert.Equal(("a b", "c"), (headers["api-key"], headers["x-team"]));
        Assert.DoesNotContain("grpc-internal-encoding-request", headers.Keys);
        Assert.Empty(server.Violations);
    }

    [Fact]
    public async Task GrpcGoesByTls()
    {
        using RSA key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using var server = new OtlpGrpcServer(certificate: certificate);
        Assert.Equal("https", server.Url.Scheme);
        var trusting = new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, given, _, _) => given!.GetCertHashString() == certificate.GetCertHashString() } };
        await SendAsync(new OtlpGrpcClient(server.Url, [], TimeSpan.FromMinutes(1), trusting), new OtlpFormat((_, _) => null));
        Assert.Empty(server.Violations);

        // A certificate that nobody vouches for is not spoken to.
        using var strict = new OtlpGrpcClient(server.Url, [], TimeSpan.FromMinutes(1));
        Assert.Equal(UploadResult.Retry, (await strict.SendAsync([], default)).Result);
        Assert.Equal(1, server.Requests);
    }

    private static async Task SendAsync(IUploadClient client, IUploadFormat format)
    {
        using (client)
        {
            foreach (byte[] message in format.Encode(SampleProfiles.Whole(), SampleProfiles.Origin))
                Assert.Equal(UploadOutcome.Delivered(), await client.SendAsync(message, default));
        }
    }

    /// <summary>Uploads until the queue is empty; gives how long it would have waited each time.</summary>
    private static async Task<List<TimeSpan>> UploadAsync(UploadQueue queue, IUploadClient client)
    {
        var waits = new List<TimeSpan>();
        using var stop = new CancellationTokenSource();
        using (client)
        {
            var uploader = new Uploader(queue, client, NullLogger.Instance, (wait, _) =>
            {
                waits.Add(wait);
                return Task.CompletedTask;
            });
            Task running = Task.Run(() => uploader.RunAsync(stop.Token));
            await Task.Run(() => Harm.Eventually.True(() => queue.Account.Queued == 0, "the queue is empty"));
            await stop.CancelAsync();
            await running;
        }
        return waits;
    }
}
