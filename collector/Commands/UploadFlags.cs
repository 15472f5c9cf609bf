using System.CommandLine;
using DotnetPprof.Model;
using DotnetPprof.Upload;

namespace DotnetPprof.Commands;

/// <summary>The options of `serve` that say where windows are uploaded to.</summary>
internal sealed class UploadFlags
{
    private readonly Option<string?> push = new("--push")
    {
        Description = "Upload windows to this Grafana Pyroscope. PYROSCOPE_TENANT_ID, PYROSCOPE_AUTH_TOKEN, PYROSCOPE_BASIC_AUTH_USER and _PASSWORD say who uploads.",
        HelpName = "URL",
    };

    private readonly Option<string?> otlp = new("--otlp")
    {
        Description = "Upload windows to this OpenTelemetry receiver: by gRPC at port 4317, else by HTTP, unless OTEL_EXPORTER_OTLP_PROTOCOL says otherwise. OTEL_EXPORTER_OTLP_HEADERS are sent along.",
        HelpName = "URL",
    };

    private readonly Option<int> queueMegabytes = new("--queue-mb")
    {
        Description = "How many megabytes of windows may wait on disk for each of them.",
        HelpName = "MB",
        DefaultValueFactory = _ => UploadOptions.DefaultQueueMegabytes,
    };

    public void AddTo(Command command)
    {
        command.Options.Add(push);
        command.Options.Add(otlp);
        command.Options.Add(queueMegabytes);
    }

    /// <exception cref="UserError">An address is none, or the queue has no size.</exception>
    public UploadOptions Read(ParseResult parsed)
    {
        int megabytes = parsed.GetValue(queueMegabytes);
        if (megabytes < 1)
            throw new UserError(ExitCode.Argument, "--queue-mb must be 1 or more");
        return new UploadOptions(
            parsed.GetValue(push) is { } pushTo ? UploadOptions.Address("--push", pushTo) : null,
            parsed.GetValue(otlp) is { } otlpTo ? UploadOptions.Address("--otlp", otlpTo) : null,
            megabytes);
    }
}
