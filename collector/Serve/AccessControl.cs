using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace DotnetPprof.Serve;

/// <summary>
/// Lets in who may: whoever has the token, where one is set; and on loopback only who asked for loopback by name, so that
/// no page in a browser reaches it under a name of its own (DNS rebinding).
/// </summary>
internal sealed class AccessControl(ServeOptions options)
{
    private readonly byte[]? token = options.Token is { } text ? Encoding.UTF8.GetBytes(text) : null;

    public async Task Check(HttpContext context, RequestDelegate next)
    {
        if (IPAddress.IsLoopback(options.Listen.Address) && !IsLoopbackName(context.Request.Host.Host))
        {
            await GoPprof.Error(context, StatusCodes.Status403Forbidden, "only requests to localhost or a loopback address are answered here").ConfigureAwait(false);
            return;
        }
        bool isProbe = context.Request.Path.Value is Website.HealthPath or Website.ReadyPath;
        if (token is not null && !isProbe && !HasToken(context.Request))
        {
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"dotnet-pprof\"";
            await GoPprof.Error(context, StatusCodes.Status401Unauthorized, "a token is needed: Authorization: Bearer TOKEN, or TOKEN as the password").ConfigureAwait(false);
            return;
        }
        await next(context).ConfigureAwait(false);
    }

    private static bool IsLoopbackName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));

    private bool HasToken(HttpRequest request)
    {
        if (!AuthenticationHeaderValue.TryParse(request.Headers.Authorization, out AuthenticationHeaderValue? given) || given.Parameter is not { } parameter)
            return false;
        if (given.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
            return IsToken(Encoding.UTF8.GetBytes(parameter));
        if (!given.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
            return false;
        byte[] pair = new byte[parameter.Length];
        if (!Convert.TryFromBase64String(parameter, pair, out int length))
            return false;
        int colon = pair.AsSpan(0, length).IndexOf((byte)':');
        return IsToken(pair.AsSpan(colon + 1, length - colon - 1));
    }

    /* Of their hashes, or the time it takes would tell the length. */
    private bool IsToken(ReadOnlySpan<byte> given) => CryptographicOperations.FixedTimeEquals(SHA256.HashData(given), SHA256.HashData(token!));
}
