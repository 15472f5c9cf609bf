namespace DotnetPprof.Serve;

/// <summary>
/// What OpenTelemetry's variables say of a service (opentelemetry.io, "General SDK configuration" and "Resource semantic
/// conventions"). Of a process's environment nothing but these values is looked at or kept.
/// </summary>
/// <param name="Service">service.name, OTEL_SERVICE_NAME first; empty when not given, as all of these.</param>
/// <param name="Version">service.version.</param>
/// <param name="Environment">deployment.environment.name, or its older name deployment.environment.</param>
/// <param name="Host">host.name.</param>
internal sealed record ResourceLabels(string Service, string Version, string Environment, string Host)
{
    private const string ServiceVariable = "OTEL_SERVICE_NAME";
    private const string AttributesVariable = "OTEL_RESOURCE_ATTRIBUTES";

    /// <summary>Longer values are cut: they become labels and parts of file names.</summary>
    private const int Longest = 255;

    public static ResourceLabels Of(IReadOnlyDictionary<string, string> environment)
    {
        Dictionary<string, string> attributes = Parse(environment.GetValueOrDefault(AttributesVariable, ""));
        string service = Clean(environment.GetValueOrDefault(ServiceVariable, ""));
        return new ResourceLabels(
            service.Length > 0 ? service : Of("service.name"),
            Of("service.version"),
            Of("deployment.environment.name") is { Length: > 0 } name ? name : Of("deployment.environment"),
            Of("host.name"));

        string Of(string key) => attributes.GetValueOrDefault(key, "");
    }

    /// <summary>key=value pairs separated by commas, values percent-encoded; what is not such a pair is passed over.</summary>
    private static Dictionary<string, string> Parse(string list)
    {
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string pair in list.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=');
            if (equals > 0)
                attributes[pair[..equals].Trim()] = Clean(Uri.UnescapeDataString(pair[(equals + 1)..]));
        }
        return attributes;
    }

    private static string Clean(string value)
    {
        string printable = string.Concat(value.Trim().Where(c => !char.IsControl(c)));
        if (printable.Length <= Longest)
            return printable;
        // Half a character would be none.
        return printable[..(char.IsHighSurrogate(printable[Longest - 1]) ? Longest - 1 : Longest)];
    }
}
