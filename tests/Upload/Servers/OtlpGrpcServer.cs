using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;
using HttpRequest = Microsoft.AspNetCore.Http.HttpRequest;
using HttpResponse = Microsoft.AspNetCore.Http.HttpResponse;

namespace DotnetPprof.Tests.Upload.Servers;

/// <summary>
/// ProfilesService over gRPC, frame by frame (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md), so that a
/// test sees what is really sent and can break it off anywhere.
/// </summary>
internal sealed class OtlpGrpcServer(Func<int, Answer>? script = null, X509Certificate2? certificate = null)
    : TestServer(HttpProtocols.Http2, script, certificate)
{
    /// <summary>What a gRPC server takes by default.</summary>
    private const int MostMessageBytes = 4 << 20;

    /// <summary>Headers of the latest request.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; private set; } = new Dictionary<string, string>();

    protected override async Task<byte[]> ReadAsync(HttpContext context, Action<string> violation)
    {
        HttpRequest request = context.Request;
        Headers = request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        if (request.Method != "POST" || request.Protocol != "HTTP/2")
            violation($"the request is {request.Method} by {request.Protocol}");
        if (request.Path != "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export")
            violation($"the path is {request.Path}");
        if (request.ContentType is not ("application/grpc" or "application/grpc+proto"))
            violation($"the media type is {request.ContentType}");
        if (request.Headers.TE != "trailers")
            violation($"te is '{request.Headers.TE}'");
        if (request.Headers["grpc-encoding"] != "gzip")
            violation($"grpc-encoding is '{request.Headers["grpc-encoding"]}'");
        if (request.Headers["grpc-timeout"].Count == 0)
            violation("there is no deadline");
        byte[] body = await BodyAsync(context);
        if (body.Length < 5 || body[0] != 1 || BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1)) != body.Length - 5)
            violation("the body is not one compressed message");
        byte[] message = Unzip(body[5..]);
        if (message.Length > MostMessageBytes)
            violation($"the message has {message.Length} bytes");
        return message;
    }

    protected override IEnumerable<string> Check(byte[] message) => OtlpRules.Violations(ExportProfilesServiceRequest.Parser.ParseFrom(message), message.Length);

    protected override async Task AnswerAsync(HttpContext context, Answer answer)
    {
        HttpResponse response = context.Response;
        response.ContentType = "application/grpc";
        switch (answer.Kind)
        {
            case AnswerKind.Refuse:
                await response.StartAsync();
                response.AppendTrailer("grpc-status", answer.Status.ToString(CultureInfo.InvariantCulture));
                response.AppendTrailer("grpc-message", Uri.EscapeDataString(answer.Text));
                if (answer.RetryAfter is { } seconds)
                    response.AppendTrailer("grpc-status-details-bin", Details(answer, seconds));
                return;
            case AnswerKind.BreakReply:
                await response.Body.WriteAsync(new byte[] { 0, 0, 0, 0, 9, 1 });
                await response.Body.FlushAsync();
                context.Abort();
                return;
            case AnswerKind.ProxyPage:
                response.ContentType = "text/html";
                await response.WriteAsync("<html>sign in</html>");
                return;
            default:
                byte[] message = answer.Kind == AnswerKind.HugeReply ? new byte[(4 << 20) + 1] : OtlpHttpServer.ResponseTo(answer).ToByteArray();
                byte[] head = new byte[5];
                BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(1), message.Length);
                await response.Body.WriteAsync(head);
                await response.Body.WriteAsync(message);
                response.AppendTrailer("grpc-status", "0");
                return;
        }
    }

    private static string Details(Answer answer, string seconds)
    {
        var info = new RetryInfo { RetryDelay = Duration.FromTimeSpan(TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture))) };
        var status = new Google.Rpc.Status { Code = answer.Status, Message = answer.Text, Details = { Any.Pack(info) } };
        return Convert.ToBase64String(status.ToByteArray()).TrimEnd('=');
    }
}
