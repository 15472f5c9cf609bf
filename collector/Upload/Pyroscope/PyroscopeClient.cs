using System.Globalization;
using System.Text;
using System.Text.Json;

namespace DotnetPprof.Upload.Pyroscope;

/// <summary>
/// Calls <c>push.v1.PusherService/Push</c> by the Connect protocol (unary, https://connectrpc.com/docs/protocol). What
/// may be tried again is what Grafana Alloy's pyroscope.write tries again.
/// </summary>
internal sealed class PyroscopeClient : IUploadClient
{
    private const string Service = "push.v1.PusherService/Push";
    private const string MediaType = "application/proto";

    private static readonly string[] Retryable =
        ["canceled", "unknown", "deadline_exceeded", "resource_exhausted", "aborted", "internal", "unavailable", "data_loss"];

    private readonly HttpPost post;

    /// <param name="url">The server's; the service's path is added.</param>
    /// <param name="headers">See <see cref="HeadersFrom"/>.</param>
    /// <param name="patience">For one request.</param>
    public PyroscopeClient(Uri url, IReadOnlyList<KeyValuePair<string, string>> headers, TimeSpan patience)
    {
        var endpoint = new Uri($"{url.GetLeftPart(UriPartial.Path).TrimEnd('/')}/{Service}");
        List<KeyValuePair<string, string>> all =
        [
            new("Connect-Protocol-Version", "1"),
            new("Connect-Timeout-Ms", ((long)patience.TotalMilliseconds).ToString(CultureInfo.InvariantCulture)),
            .. headers,
        ];
        post = new HttpPost(endpoint, MediaType, all, patience);
    }

    /// <summary>
    /// Who is pushing, from the variables of Pyroscope's own SDKs: PYROSCOPE_TENANT_ID, and PYROSCOPE_BASIC_AUTH_USER
    /// with PYROSCOPE_BASIC_AUTH_PASSWORD, or PYROSCOPE_AUTH_TOKEN.
    /// </summary>
    public static IReadOnlyList<KeyValuePair<string, string>> HeadersFrom(Func<string, string?> variable)
    {
        var headers = new List<KeyValuePair<string, string>>();
        if (variable("PYROSCOPE_TENANT_ID") is { Length: > 0 } tenant)
            headers.Add(new("X-Scope-OrgID", tenant));
        if (variable("PYROSCOPE_BASIC_AUTH_USER") is { Length: > 0 } user)
        {
            string pair = $"{user}:{variable("PYROSCOPE_BASIC_AUTH_PASSWORD")}";
            headers.Add(new("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(pair))));
        }
        else if (variable("PYROSCOPE_AUTH_TOKEN") is { Length: > 0 } token)
        {
            headers.Add(new("Authorization", "Bearer " + token));
        }
        return headers;
    }

    public Task<UploadOutcome> SendAsync(byte[] message, CancellationToken cancel) => post.SendAsync(message, Judge, cancel);

    public void Dispose() => post.Dispose();

    internal static UploadOutcome Judge(HttpReply reply)
    {
        if (reply.Status == 200)
            return UploadOutcome.Delivered();
        (string? code, string? text) = ErrorOf(reply.Body);
        bool again = code is not null ? Retryable.Contains(code) : reply.Status is 408 or 429 or (>= 500 and not 501);
        string reason = $"HTTP {reply.Status}{(code is null ? "" : $" {code}")}{(text is { Length: > 0 } ? $": {text}" : "")}";
        return again ? UploadOutcome.Retry(reason, reply.RetryAfter) : UploadOutcome.Rejected(reason);
    }

    /// <summary>A Connect error is JSON; what a proxy answers is not.</summary>
    private static (string? Code, string? Text) ErrorOf(byte[]? body)
    {
        try
        {
            using JsonDocument error = JsonDocument.Parse(body ?? []);
            return error.RootElement.ValueKind == JsonValueKind.Object ? (Text(error, "code"), Text(error, "message")) : default;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Text that is no text (half a surrogate pair, bytes that are not UTF-8) is found when it is asked for.
            return default;
        }
    }

    private static string? Text(JsonDocument error, string name) =>
        error.RootElement.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
