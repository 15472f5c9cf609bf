using Google.Protobuf;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;

namespace DotnetPprof.Upload.Otlp;

/// <summary>What an OTLP receiver that accepted a request says of it.</summary>
internal static class OtlpReply
{
    public static UploadOutcome Judge(byte[] body)
    {
        try
        {
            return Judge(ExportProfilesServiceResponse.Parser.ParseFrom(body));
        }
        catch (InvalidProtocolBufferException e)
        {
            return UploadOutcome.Rejected($"the answer is no ExportProfilesServiceResponse: {e.Message}");
        }
    }

    /// <summary>A request has one profile, so a part of it is all of it. A rejected one must not be sent again.</summary>
    public static UploadOutcome Judge(ExportProfilesServiceResponse response) =>
        response.PartialSuccess is { RejectedProfiles: > 0 } partial
            ? UploadOutcome.Rejected($"the receiver took the request and rejected the profile: {partial.ErrorMessage}")
            : UploadOutcome.Delivered(response.PartialSuccess?.ErrorMessage ?? "");
}
