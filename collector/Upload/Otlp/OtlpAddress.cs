using DotnetPprof.Model;

namespace DotnetPprof.Upload.Otlp;

/// <summary>Makes a client of what `--otlp` and OpenTelemetry's variables say.</summary>
internal static class OtlpAddress
{
    private const string Path = "/v1development/profiles";
    private const int GrpcPort = 4317;

    /// <param name="url">As given to `--otlp`.</param>
    /// <param name="variable">An environment variable's value.</param>
    /// <param name="patience">For one request.</param>
    /// <exception cref="UserError">The variables, or the URL with them, make no sense.</exception>
    public static IUploadClient Client(Uri url, Func<string, string?> variable, TimeSpan patience)
    {
        IReadOnlyList<KeyValuePair<string, string>> headers = Headers(Of(variable, "HEADERS") ?? "");
        return Of(variable, "PROTOCOL") switch
        {
            "grpc" => Grpc(),
            "http/protobuf" => Http(),
            null => url.Port == GrpcPort ? Grpc() : Http(),
            { } other => throw new UserError(ExitCode.Argument, $"OTEL_EXPORTER_OTLP_PROTOCOL is '{other}'; profiles go by 'grpc' or 'http/protobuf'"),
        };

        IUploadClient Grpc() => url.AbsolutePath == "/"
            ? new OtlpGrpcClient(url, headers, patience)
            : throw new UserError(ExitCode.Argument, $"--otlp {url}: a gRPC address has no path; give scheme, host and port alone");

        IUploadClient Http() => new OtlpHttpClient(Endpoint(url), headers, patience);
    }

    /// <summary>The signal's own path is added unless it is there.</summary>
    internal static Uri Endpoint(Uri url)
    {
        string given = url.GetLeftPart(UriPartial.Path).TrimEnd('/');
        return new Uri(given.EndsWith("/profiles", StringComparison.Ordinal) ? given : given + Path);
    }

    /// <summary><c>name=value,name=value</c>, values percent-encoded, as OpenTelemetry specifies for its variable.</summary>
    internal static IReadOnlyList<KeyValuePair<string, string>> Headers(string text)
    {
        var headers = new List<KeyValuePair<string, string>>();
        foreach (string entry in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int equals = entry.IndexOf('=');
            if (equals <= 0)
                throw new UserError(ExitCode.Argument, "OTEL_EXPORTER_OTLP_HEADERS: expected name=value,name=value");
            headers.Add(new(entry[..equals].Trim(), Uri.UnescapeDataString(entry[(equals + 1)..].Trim())));
        }
        return headers;
    }

    /// <summary>The one for profiles goes before the one for all signals.</summary>
    private static string? Of(Func<string, string?> variable, string name) =>
        variable($"OTEL_EXPORTER_OTLP_PROFILES_{name}") is { Length: > 0 } own ? own
        : variable($"OTEL_EXPORTER_OTLP_{name}") is { Length: > 0 } common ? common
        : null;
}
