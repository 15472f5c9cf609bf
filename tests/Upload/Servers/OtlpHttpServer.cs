using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;

namespace DotnetPprof.Tests.Upload.Servers;

/// <summary>ProfilesService over HTTP, by opentelemetry-proto 1.11.0's specification.</summary>
internal sealed class OtlpHttpServer(Func<int, Answer>? script = null)
    : HttpServer("/v1development/profiles", "application/x-protobuf", script)
{
    protected override IEnumerable<string> Check(byte[] message) => OtlpRules.Violations(ExportProfilesServiceRequest.Parser.ParseFrom(message), message.Length);

    protected override byte[] Acknowledgement(Answer answer) => ResponseTo(answer).ToByteArray();

    protected override async Task RefuseAsync(HttpContext context, Answer answer) =>
        await context.Response.Body.WriteAsync(new Google.Rpc.Status { Message = answer.Text }.ToByteArray());

    public static ExportProfilesServiceResponse ResponseTo(Answer answer)
    {
        var response = new ExportProfilesServiceResponse();
        if (answer.Kind == AnswerKind.PartialSuccess)
            response.PartialSuccess = new() { RejectedProfiles = answer.Rejected, ErrorMessage = answer.Text };
        return response;
    }
}
