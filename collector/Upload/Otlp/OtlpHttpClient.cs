using Google.Protobuf;

namespace DotnetPprof.Upload.Otlp;

/// <summary>OTLP over HTTP: binary protobuf, gzip-compressed (opentelemetry-proto 1.11.0, docs/specification.md).</summary>
/// <param name="url">The whole of it.</param>
/// <param name="headers">Sent with every request.</param>
/// <param name="patience">For one request.</param>
internal sealed class OtlpHttpClient(Uri url, IReadOnlyList<KeyValuePair<string, string>> headers, TimeSpan patience) : IUploadClient
{
    private readonly HttpPost post = new(url, "application/x-protobuf", headers, patience);

    public Task<UploadOutcome> SendAsync(byte[] message, CancellationToken cancel) => post.SendAsync(message, Judge, cancel);

    public void Dispose() => post.Dispose();

    internal static UploadOutcome Judge(HttpReply reply)
    {
        if (reply.Status == 200)
            return OtlpReply.Judge(reply.Body ?? []);
        string reason = $"HTTP {reply.Status}{TextOf(reply)}";
        return reply.Status is 429 or 502 or 503 or 504
            ? UploadOutcome.Retry(reason, reply.RetryAfter)
            : UploadOutcome.Rejected(reason);
    }

    /// <summary>An OTLP error is a google.rpc.Status; what a proxy answers is not.</summary>
    private static string TextOf(HttpReply reply)
    {
        if (reply.MediaType != "application/x-protobuf" || reply.Body is null)
            return "";
        try
        {
            string text = Google.Rpc.Status.Parser.ParseFrom(reply.Body).Message;
            return text.Length > 0 ? $": {text}" : "";
        }
        catch (InvalidProtocolBufferException)
        {
            return "";
        }
    }
}
