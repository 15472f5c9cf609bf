using DotnetPprof.Model;
using DotnetPprof.Upload.Otlp;
using DotnetPprof.Upload.Pyroscope;
using Microsoft.Extensions.Logging;

namespace DotnetPprof.Upload;

/// <summary>Where windows are uploaded to.</summary>
/// <param name="Push">A Pyroscope server; null for none.</param>
/// <param name="Otlp">A receiver of OpenTelemetry's profiles; null for none.</param>
/// <param name="QueueMegabytes">What may wait on disk for each.</param>
internal sealed record UploadOptions(Uri? Push, Uri? Otlp, int QueueMegabytes = UploadOptions.DefaultQueueMegabytes)
{
    internal const int DefaultQueueMegabytes = 64;

    /// <summary>For one request. The receivers' own clients wait 10 s; behind them may be slow ones.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Reads an address as given to <paramref name="option"/>.</summary>
    /// <exception cref="UserError">It is none.</exception>
    public static Uri Address(string option, string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
            throw new UserError(ExitCode.Argument, $"{option} '{FileProblem.OneLine(text)}': expected http://HOST:PORT or https://HOST:PORT");
        // A command line is there for everybody to read.
        if (url.UserInfo.Length > 0)
            throw new UserError(ExitCode.Argument, $"{option}: no name or password in an address, everybody can see it; use environment variables");
        return url.Query.Length > 0 || url.Fragment.Length > 0
            ? throw new UserError(ExitCode.Argument, $"{option} '{url}': an address has nothing after its path")
            : url;
    }

    /// <summary>Opens the queue and begins to send what an earlier run left in it.</summary>
    /// <exception cref="UserError">The queue cannot be used.</exception>
    public UploadSink OpenPush(Uri url, ILoggerFactory logs) => Open(
        "pyroscope", new PyroscopeFormat(), () => new PyroscopeClient(url, PyroscopeClient.HeadersFrom(Environment.GetEnvironmentVariable), Patience), logs);

    /// <summary>Opens the queue and begins to send what an earlier run left in it.</summary>
    /// <exception cref="UserError">The queue cannot be used, or a variable makes no sense.</exception>
    public UploadSink OpenOtlp(Uri url, ILoggerFactory logs) => Open(
        "otlp", new OtlpFormat(new FileHash().Of), () => OtlpAddress.Client(url, Environment.GetEnvironmentVariable, Patience), logs);

    private UploadSink Open(string name, IUploadFormat format, Func<IUploadClient> client, ILoggerFactory logs)
    {
        ILogger log = logs.CreateLogger($"upload.{name}");
        IUploadClient receiver = client();
        try
        {
            var directory = QueueDirectory.Open(Path.Join(QueueDirectory.DefaultRoot(), name));
            return new UploadSink(name, format, receiver, new UploadQueue(directory, (long)QueueMegabytes << 20, log), log);
        }
        catch
        {
            receiver.Dispose();
            throw;
        }
    }
}
