using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace DotnetPprof.Tests.Upload.Servers;

/// <summary>What receivers by HTTP have in common.</summary>
internal abstract class HttpServer(string path, string mediaType, Func<int, Answer>? script) : TestServer(HttpProtocols.Http1, script)
{
    /// <summary>Headers of the latest request.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; private set; } = new Dictionary<string, string>();

    protected override async Task<byte[]> ReadAsync(HttpContext context, Action<string> violation)
    {
        HttpRequest request = context.Request;
        Headers = request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        if (request.Method != "POST")
            violation($"the method is {request.Method}");
        if (request.Path != path || request.QueryString.HasValue)
            violation($"the path is {request.Path}{request.QueryString}");
        if (request.ContentType != mediaType)
            violation($"the media type is {request.ContentType}");
        if (request.Headers.ContentEncoding != "gzip")
            violation($"the encoding is {request.Headers.ContentEncoding}");
        return Unzip(await BodyAsync(context));
    }

    protected override async Task AnswerAsync(HttpContext context, Answer answer)
    {
        context.Response.ContentType = mediaType;
        switch (answer.Kind)
        {
            case AnswerKind.Refuse:
                context.Response.StatusCode = answer.Status;
                if (answer.RetryAfter is { } after)
                    context.Response.Headers.RetryAfter = after;
                await RefuseAsync(context, answer);
                break;
            case AnswerKind.BreakReply:
                context.Response.ContentLength = 100;
                await context.Response.Body.WriteAsync(new byte[50]);
                await context.Response.Body.FlushAsync();
                context.Abort();
                break;
            case AnswerKind.HugeReply:
                await context.Response.Body.WriteAsync(new byte[(4 << 20) + 1]);
                break;
            case AnswerKind.ProxyPage:
                context.Response.ContentType = "text/html";
                await context.Response.WriteAsync("<html>sign in</html>");
                break;
            default:
                await context.Response.Body.WriteAsync(Acknowledgement(answer));
                break;
        }
    }

    protected abstract byte[] Acknowledgement(Answer answer);

    protected abstract Task RefuseAsync(HttpContext context, Answer answer);
}
