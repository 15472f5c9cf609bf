using System.Text.Json;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Pyroscope.Push.V1;

namespace DotnetPprof.Tests.Upload.Servers;

/// <summary>push.v1.PusherService by the Connect protocol, as Pyroscope 2.2.1 with its default limits serves it.</summary>
internal sealed class PyroscopeServer(Func<int, Answer>? script = null)
    : HttpServer("/push.v1.PusherService/Push", "application/proto", script)
{
    public IEnumerable<PushRequest> Requested => Accepted.Select(PushRequest.Parser.ParseFrom);

    protected override async Task<byte[]> ReadAsync(HttpContext context, Action<string> violation)
    {
        IHeaderDictionary headers = context.Request.Headers;
        if (headers["Connect-Protocol-Version"] != "1")
            violation($"Connect-Protocol-Version is '{headers["Connect-Protocol-Version"]}'");
        if (!long.TryParse(headers["Connect-Timeout-Ms"], out long timeout) || timeout is <= 0 or > 9_999_999_999)
            violation($"Connect-Timeout-Ms is '{headers["Connect-Timeout-Ms"]}'");
        return await base.ReadAsync(context, violation);
    }

    protected override IEnumerable<string> Check(byte[] message) => PyroscopeRules.Violations(PushRequest.Parser.ParseFrom(message));

    protected override byte[] Acknowledgement(Answer answer) => new PushResponse().ToByteArray();

    /// <summary>A Connect error is JSON, whatever the messages are.</summary>
    protected override async Task RefuseAsync(HttpContext context, Answer answer)
    {
        context.Response.ContentType = "application/json";
        string[] parts = answer.Text.Split(": ", 2);
        if (parts.Length == 2)
            await context.Response.WriteAsync(JsonSerializer.Serialize(new { code = parts[0], message = parts[1] }));
    }
}
