using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;

namespace DotnetPprof.Upload;

/// <summary>What a receiver answered.</summary>
/// <param name="Status">HTTP status code.</param>
/// <param name="MediaType">Of the body; null when not said.</param>
/// <param name="Body">Null when it was longer than <see cref="HttpPost.MostReplyBytes"/>.</param>
/// <param name="RetryAfter">From the header of that name; null without.</param>
internal sealed record HttpReply(int Status, string? MediaType, byte[]? Body, TimeSpan? RetryAfter);

/// <summary>Posts gzip-compressed messages to one URL.</summary>
internal sealed class HttpPost : IDisposable
{
    /// <summary>OTLP's limit for replies.</summary>
    internal const int MostReplyBytes = 4 << 20;

    private readonly HttpMessageInvoker client;
    private readonly Uri url;
    private readonly string mediaType;
    private readonly IReadOnlyList<KeyValuePair<string, string>> headers;
    private readonly TimeSpan patience;

    /// <param name="url">Where to.</param>
    /// <param name="mediaType">Of messages and replies.</param>
    /// <param name="headers">Sent with every message.</param>
    /// <param name="patience">For one message and its reply, connecting included.</param>
    public HttpPost(Uri url, string mediaType, IReadOnlyList<KeyValuePair<string, string>> headers, TimeSpan patience)
    {
        this.url = url;
        this.mediaType = mediaType;
        this.headers = headers;
        this.patience = patience;
        client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            // A redirected POST would carry the credentials to whoever is named.
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.GZip,
        });
    }

    /// <summary>Posts once. A receiver that cannot be reached, says nothing in time or breaks off may be tried again.</summary>
    public async Task<UploadOutcome> SendAsync(byte[] message, Func<HttpReply, UploadOutcome> judge, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(patience);
        try
        {
            using HttpRequestMessage request = Request(message);
            using HttpResponseMessage response = await client.SendAsync(request, limit.Token).ConfigureAwait(false);
            byte[]? body = await ReadAsync(response.Content, limit.Token).ConfigureAwait(false);
            var reply = new HttpReply(
                (int)response.StatusCode, response.Content.Headers.ContentType?.MediaType, body, RetryAfter(response.Headers.RetryAfter));
            return reply.Status == (int)HttpStatusCode.OK ? Accepted(reply, judge) : judge(reply);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return UploadOutcome.Retry($"{url.Authority} gave no answer within {patience.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException)
        {
            return UploadOutcome.Retry($"{url.Authority}: {(e.InnerException ?? e).Message}");
        }
    }

    public void Dispose() => client.Dispose();

    /// <summary>A page that some proxy serves with a 200 is no acknowledgement.</summary>
    private UploadOutcome Accepted(HttpReply reply, Func<HttpReply, UploadOutcome> judge)
    {
        if (reply.Body is null)
            return UploadOutcome.Rejected($"{url.Authority} answers with more than {MostReplyBytes >> 20} MiB");
        return reply.Body.Length > 0 && reply.MediaType != mediaType
            ? UploadOutcome.Rejected($"{url} answers with {reply.MediaType ?? "something untyped"}, not {mediaType}: is the URL right?")
            : judge(reply);
    }

    private HttpRequestMessage Request(byte[] message)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(message);
        var content = new ByteArrayContent(compressed.GetBuffer(), 0, (int)compressed.Length);
        content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        content.Headers.ContentEncoding.Add("gzip");
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        foreach ((string name, string value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return request;
    }

    /// <returns>Null when there is more than a reply may have.</returns>
    private static async Task<byte[]?> ReadAsync(HttpContent content, CancellationToken cancel)
    {
        using Stream body = await content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        using var whole = new MemoryStream();
        byte[] piece = new byte[16 << 10];
        for (int read; (read = await body.ReadAsync(piece, cancel).ConfigureAwait(false)) > 0;)
        {
            if (whole.Length + read > MostReplyBytes)
                return null;
            whole.Write(piece, 0, read);
        }
        return whole.ToArray();
    }

    internal static TimeSpan? RetryAfter(RetryConditionHeaderValue? header) =>
        header?.Delta ?? (header?.Date is { } date ? date - DateTimeOffset.UtcNow : null);
}
