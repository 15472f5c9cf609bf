using DotnetPprof.Model;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;

namespace DotnetPprof.Upload.Otlp;

/// <summary>
/// OTLP over gRPC, by TLS for https and by HTTP/2 with prior knowledge for http. What may be tried again is the table in
/// opentelemetry-proto 1.11.0, docs/specification.md.
/// </summary>
internal sealed class OtlpGrpcClient : IUploadClient
{
    /// <summary>Messages come out of the queue as bytes: there is no sense in reading them only to write them again.</summary>
    private static readonly Method<byte[], ExportProfilesServiceResponse> Export = new(
        MethodType.Unary,
        ProfilesServiceReflection.Descriptor.Services[0].FullName,
        "Export",
        Marshallers.Create(message => message, bytes => bytes),
        Marshallers.Create(response => response.ToByteArray(), ExportProfilesServiceResponse.Parser.ParseFrom));

    private readonly GrpcChannel channel;
    private readonly CallInvoker invoker;
    private readonly Metadata headers;
    private readonly TimeSpan patience;

    /// <param name="url">Without a path.</param>
    /// <param name="headers">Sent with every call.</param>
    /// <param name="patience">For one call.</param>
    /// <param name="handler">What connects; the default one when null.</param>
    /// <exception cref="UserError">gRPC takes no such header.</exception>
    public OtlpGrpcClient(Uri url, IReadOnlyList<KeyValuePair<string, string>> headers, TimeSpan patience, SocketsHttpHandler? handler = null)
    {
        // The name by which Grpc.Net.Client is asked to compress; it is not sent.
        this.headers = new Metadata { { "grpc-internal-encoding-request", "gzip" } };
        foreach ((string name, string value) in headers)
            Add(name, value);
        channel = GrpcChannel.ForAddress(url, new GrpcChannelOptions
        {
            HttpHandler = handler ?? new SocketsHttpHandler(),
            DisposeHttpClient = true,
            MaxReceiveMessageSize = HttpPost.MostReplyBytes,
        });
        invoker = channel.CreateCallInvoker();
        this.patience = patience;
    }

    public async Task<UploadOutcome> SendAsync(byte[] message, CancellationToken cancel)
    {
        try
        {
            var options = new CallOptions(headers, DateTime.UtcNow + patience, cancel);
            using AsyncUnaryCall<ExportProfilesServiceResponse> call = invoker.AsyncUnaryCall(Export, host: null, options, message);
            return OtlpReply.Judge(await call.ResponseAsync.ConfigureAwait(false));
        }
        catch (RpcException) when (cancel.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancel);
        }
        catch (RpcException e)
        {
            return Judge(e);
        }
    }

    public void Dispose() => channel.Dispose();

    internal static UploadOutcome Judge(RpcException error)
    {
        TimeSpan? after = RetryDelay(error);
        string reason = $"gRPC {error.StatusCode}: {error.Status.Detail}";
        return MayRetry(error, after) ? UploadOutcome.Retry(reason, after) : UploadOutcome.Rejected(reason);
    }

    private void Add(string name, string value)
    {
        try
        {
            headers.Add(name.ToLowerInvariant(), value);
        }
        catch (ArgumentException)
        {
            throw new UserError(ExitCode.Argument, $"OTEL_EXPORTER_OTLP_HEADERS: gRPC takes no header '{FileProblem.OneLine(name)}': only letters, digits, '-', '_' and '.', without '-bin' at the end");
        }
    }

    private static bool MayRetry(RpcException error, TimeSpan? after) => error.StatusCode switch
    {
        StatusCode.Cancelled or StatusCode.DeadlineExceeded or StatusCode.Aborted or StatusCode.OutOfRange
            or StatusCode.Unavailable or StatusCode.DataLoss => true,
        // Only a server that says when can recover.
        StatusCode.ResourceExhausted => after is not null,
        // The connection broke: the code is this end's guess, no receiver's answer.
        _ => error.Status.DebugException is HttpRequestException or IOException,
    };

    private static TimeSpan? RetryDelay(RpcException error)
    {
        try
        {
            return error.GetRpcStatus()?.GetDetail<RetryInfo>()?.RetryDelay?.ToTimeSpan();
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidOperationException or OverflowException or FormatException)
        {
            // Details that are none.
            return null;
        }
    }
}
