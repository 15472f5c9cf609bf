using System.Net;
using System.Net.Sockets;
using DotnetPprof.Model;
using DotnetPprof.Tests.Upload.Servers;
using DotnetPprof.Upload;
using DotnetPprof.Upload.Otlp;
using DotnetPprof.Upload.Pyroscope;
using Xunit;

namespace DotnetPprof.Tests.Upload;

/// <summary>What clients make of every way in which a receiver can take a request, or not.</summary>
public class ClientTests
{
    public enum Protocol
    {
        Pyroscope,
        OtlpHttp,
        OtlpGrpc,
    }

    public static TheoryData<Protocol> Protocols => [.. Enum.GetValues<Protocol>()];

    /// <summary>For requests that are answered.</summary>
    private static readonly TimeSpan Patient = TimeSpan.FromMinutes(2);

    /// <summary>For those that are not.</summary>
    private static readonly TimeSpan Impatient = TimeSpan.FromMilliseconds(300);

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task RequestsKeepTheRules(Protocol protocol)
    {
        await using TestServer server = Start(protocol, Answer.Accept);
        using IUploadClient client = Client(protocol, server.Url);
        byte[] message = Message(protocol);
        for (int i = 0; i < 3; i++)
            Assert.Equal(UploadOutcome.Delivered(), await client.SendAsync(message, default));
        Assert.Empty(server.Violations);
        Assert.Equal([message, message, message], server.Accepted);
    }

    /// <summary>Nobody said no, so it may still be taken.</summary>
    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task SilenceAndBreaksAreTriedAgain(Protocol protocol)
    {
        foreach (AnswerKind kind in new[] { AnswerKind.NeverAnswer, AnswerKind.BreakRequest, AnswerKind.BreakReply })
        {
            await using TestServer server = Start(protocol, new Answer(kind));
            using IUploadClient client = Client(protocol, server.Url, kind == AnswerKind.NeverAnswer ? Impatient : Patient);
            UploadOutcome outcome = await client.SendAsync(Message(protocol), default);
            Assert.True(outcome.Result == UploadResult.Retry, $"{kind}: {outcome}");
            server.Script = _ => Answer.Accept;
            using IUploadClient again = Client(protocol, server.Url);
            Assert.Equal(UploadResult.Delivered, (await again.SendAsync(Message(protocol), default)).Result);
        }
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task NobodyThereIsTriedAgain(Protocol protocol)
    {
        /* Bound, so that nobody else is given the port, and not listening. */
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var url = new Uri($"http://{socket.LocalEndPoint}");
        using IUploadClient client = Client(protocol, url);
        Assert.Equal(UploadResult.Retry, (await client.SendAsync(Message(protocol), default)).Result);
    }

    [Theory]
    [InlineData("api key")]
    [InlineData("trace-bin")]
    public void AHeaderThatGrpcDoesNotTakeIsTheUsersToMend(string name)
    {
        var error = Assert.Throws<UserError>(() => OtlpAddress.Client(
            new Uri("http://127.0.0.1:4317"), variable => variable == "OTEL_EXPORTER_OTLP_HEADERS" ? $"{name}=x" : null, Patient));
        Assert.Equal(ExitCode.Argument, error.Code);
        Assert.Contains(name, error.Message);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task BeingCancelledIsNoOutcome(Protocol protocol)
    {
        await using TestServer server = Start(protocol, new Answer(AnswerKind.NeverAnswer));
        using IUploadClient client = Client(protocol, server.Url);
        using var cancel = new CancellationTokenSource();
        Task<UploadOutcome> sent = client.SendAsync(Message(protocol), cancel.Token);
        await Task.Run(() => Harm.Eventually.True(() => server.Requests > 0, "the request arrives"));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sent);
    }

    /// <summary>What is not the receiver's acknowledgement is not taken for one, and no reply is read for ever.</summary>
    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task WrongRepliesAreNoAcknowledgement(Protocol protocol)
    {
        foreach (AnswerKind kind in new[] { AnswerKind.HugeReply, AnswerKind.ProxyPage })
        {
            await using TestServer server = Start(protocol, new Answer(kind));
            using IUploadClient client = Client(protocol, server.Url);
            UploadOutcome outcome = await client.SendAsync(Message(protocol), default);
            // gRPC has a rule of its own for what is no gRPC: it may be a proxy that will be well again.
            UploadResult expected = (protocol, kind) == (Protocol.OtlpGrpc, AnswerKind.ProxyPage) ? UploadResult.Retry : UploadResult.Rejected;
            Assert.True(outcome.Result == expected, $"{kind}: {outcome}");
        }
    }

    [Theory]
    [InlineData(200, UploadResult.Delivered)]
    [InlineData(301, UploadResult.Rejected)]
    [InlineData(400, UploadResult.Rejected)]
    [InlineData(401, UploadResult.Rejected)]
    [InlineData(404, UploadResult.Rejected)]
    [InlineData(413, UploadResult.Rejected)]
    [InlineData(429, UploadResult.Retry)]
    [InlineData(500, UploadResult.Rejected)]
    [InlineData(501, UploadResult.Rejected)]
    [InlineData(502, UploadResult.Retry)]
    [InlineData(503, UploadResult.Retry)]
    [InlineData(504, UploadResult.Retry)]
    public async Task OtlpStatuses(int status, object expected)
    {
        await using TestServer server = Start(Protocol.OtlpHttp, status == 200 ? Answer.Accept : Answer.Refuse(status, text: "because"));
        using IUploadClient client = Client(Protocol.OtlpHttp, server.Url);
        UploadOutcome outcome = await client.SendAsync(Message(Protocol.OtlpHttp), default);
        Assert.Equal((UploadResult)expected, outcome.Result);
        Assert.Equal(status == 200 ? "" : $"HTTP {status}: because", outcome.Reason);
    }

    [Theory]
    [InlineData(400, "invalid_argument: labels", UploadResult.Rejected)]
    [InlineData(401, "unauthenticated: who", UploadResult.Rejected)]
    [InlineData(403, "", UploadResult.Rejected)]
    [InlineData(404, "", UploadResult.Rejected)]
    [InlineData(408, "", UploadResult.Retry)]
    [InlineData(409, "aborted: raced", UploadResult.Retry)]
    [InlineData(409, "already_exists: there", UploadResult.Rejected)]
    [InlineData(429, "resource_exhausted: rate", UploadResult.Retry)]
    [InlineData(500, "unknown: what", UploadResult.Retry)]
    [InlineData(500, "", UploadResult.Retry)]
    [InlineData(501, "unimplemented: Push", UploadResult.Rejected)]
    [InlineData(502, "", UploadResult.Retry)]
    [InlineData(503, "unavailable: ring", UploadResult.Retry)]
    [InlineData(504, "", UploadResult.Retry)]
    public async Task PyroscopeStatuses(int status, string text, object expected)
    {
        await using TestServer server = Start(Protocol.Pyroscope, Answer.Refuse(status, text: text));
        using IUploadClient client = Client(Protocol.Pyroscope, server.Url);
        UploadOutcome outcome = await client.SendAsync(Message(Protocol.Pyroscope), default);
        Assert.Equal((UploadResult)expected, outcome.Result);
        Assert.Equal(text.Length == 0 ? $"HTTP {status}" : $"HTTP {status} {text}", outcome.Reason);
    }

    [Theory]
    [InlineData(1, UploadResult.Retry)] // CANCELLED
    [InlineData(2, UploadResult.Rejected)] // UNKNOWN
    [InlineData(3, UploadResult.Rejected)] // INVALID_ARGUMENT
    [InlineData(4, UploadResult.Retry)] // DEADLINE_EXCEEDED
    [InlineData(5, UploadResult.Rejected)] // NOT_FOUND
    [InlineData(6, UploadResult.Rejected)] // ALREADY_EXISTS
    [InlineData(7, UploadResult.Rejected)] // PERMISSION_DENIED
    [InlineData(8, UploadResult.Rejected)] // RESOURCE_EXHAUSTED, for good
    [InlineData(9, UploadResult.Rejected)] // FAILED_PRECONDITION
    [InlineData(10, UploadResult.Retry)] // ABORTED
    [InlineData(11, UploadResult.Retry)] // OUT_OF_RANGE
    [InlineData(12, UploadResult.Rejected)] // UNIMPLEMENTED
    [InlineData(13, UploadResult.Rejected)] // INTERNAL
    [InlineData(14, UploadResult.Retry)] // UNAVAILABLE
    [InlineData(15, UploadResult.Retry)] // DATA_LOSS
    [InlineData(16, UploadResult.Rejected)] // UNAUTHENTICATED
    public async Task GrpcStatuses(int status, object expected)
    {
        await using TestServer server = Start(Protocol.OtlpGrpc, Answer.Refuse(status, text: "because"));
        using IUploadClient client = Client(Protocol.OtlpGrpc, server.Url);
        UploadOutcome outcome = await client.SendAsync(Message(Protocol.OtlpGrpc), default);
        Assert.Equal((UploadResult)expected, outcome.Result);
        Assert.EndsWith(": because", outcome.Reason);
        Assert.Null(outcome.RetryAfter);
    }

    [Theory]
    [InlineData(Protocol.Pyroscope, 429)]
    [InlineData(Protocol.Pyroscope, 503)]
    [InlineData(Protocol.OtlpHttp, 429)]
    [InlineData(Protocol.OtlpHttp, 503)]
    [InlineData(Protocol.OtlpGrpc, 14)]
    [InlineData(Protocol.OtlpGrpc, 8)]
    public async Task WhatIsAskedForIsHeard(Protocol protocol, int status)
    {
        await using TestServer server = Start(protocol, Answer.Refuse(status, "17"));
        using IUploadClient client = Client(protocol, server.Url);
        UploadOutcome outcome = await client.SendAsync(Message(protocol), default);
        Assert.Equal((UploadResult.Retry, TimeSpan.FromSeconds(17)), (outcome.Result, outcome.RetryAfter));
    }

    [Fact]
    public async Task RetryAfterMayBeADate()
    {
        await using TestServer server = Start(Protocol.OtlpHttp, Answer.Refuse(503, DateTimeOffset.UtcNow.AddDays(10).ToString("R")));
        using IUploadClient client = Client(Protocol.OtlpHttp, server.Url);
        UploadOutcome outcome = await client.SendAsync(Message(Protocol.OtlpHttp), default);
        Assert.InRange(outcome.RetryAfter!.Value.TotalDays, 9, 10);
    }

    [Theory]
    [InlineData(Protocol.OtlpHttp)]
    [InlineData(Protocol.OtlpGrpc)]
    public async Task PartialSuccessIsNeverTriedAgain(Protocol protocol)
    {
        await using TestServer server = Start(protocol, new Answer(AnswerKind.PartialSuccess, Rejected: 1, Text: "too old"));
        using IUploadClient client = Client(protocol, server.Url);
        UploadOutcome outcome = await client.SendAsync(Message(protocol), default);
        Assert.Equal(UploadResult.Rejected, outcome.Result);
        Assert.EndsWith("too old", outcome.Reason);

        server.Script = _ => new Answer(AnswerKind.PartialSuccess, Rejected: 0, Text: "use a newer version");
        Assert.Equal(UploadOutcome.Delivered("use a newer version"), await client.SendAsync(Message(protocol), default));
    }

    internal static TestServer Start(Protocol protocol, Answer answer) => Start(protocol, _ => answer);

    internal static TestServer Start(Protocol protocol, Func<int, Answer> script) => protocol switch
    {
        Protocol.Pyroscope => new PyroscopeServer(script),
        Protocol.OtlpHttp => new OtlpHttpServer(script),
        _ => new OtlpGrpcServer(script),
    };

    internal static IUploadClient Client(Protocol protocol, Uri url, TimeSpan? patience = null) => protocol switch
    {
        Protocol.Pyroscope => new PyroscopeClient(url, [], patience ?? Patient),
        Protocol.OtlpHttp => new OtlpHttpClient(OtlpAddress.Endpoint(url), [], patience ?? Patient),
        _ => new OtlpGrpcClient(url, [], patience ?? Patient),
    };

    internal static IUploadFormat Format(Protocol protocol) =>
        protocol == Protocol.Pyroscope ? new PyroscopeFormat() : new OtlpFormat((_, _) => null);

    private static byte[] Message(Protocol protocol) => Assert.Single(Format(protocol).Encode(SampleProfiles.Whole(), SampleProfiles.Origin));
}
