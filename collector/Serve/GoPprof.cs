using Microsoft.AspNetCore.Http;

namespace DotnetPprof.Serve;

/// <summary>Headers and errors as the handlers of Go's net/http/pprof give them, which its tools and scrapers go by.</summary>
internal static class GoPprof
{
    public const string ErrorHeader = "X-Go-Pprof";

    public static async Task Error(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers[ErrorHeader] = "1";
        NoSniff(context);
        await context.Response.WriteAsync(text + "\n").ConfigureAwait(false);
    }

    public static async Task Text(HttpContext context, string text, string contentType = "text/plain; charset=utf-8")
    {
        context.Response.ContentType = contentType;
        NoSniff(context);
        await context.Response.WriteAsync(text).ConfigureAwait(false);
    }

    public static async Task Profile(HttpContext context, ReadOnlyMemory<byte> profile)
    {
        context.Response.ContentType = "application/octet-stream";
        context.Response.Headers.ContentDisposition = "attachment; filename=\"profile\"";
        context.Response.ContentLength = profile.Length;
        NoSniff(context);
        await context.Response.Body.WriteAsync(profile, context.RequestAborted).ConfigureAwait(false);
    }

    private static void NoSniff(HttpContext context) => context.Response.Headers.XContentTypeOptions = "nosniff";
}
