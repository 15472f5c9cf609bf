namespace DotnetPprof.Upload;

/// <summary>The process that a profile is of, as receivers are told.</summary>
/// <param name="Service">OpenTelemetry's service.name; never empty.</param>
/// <param name="Pid">As this program sees it.</param>
/// <param name="Executable">Path of the program's file as the process sees it; empty when unknown.</param>
/// <param name="ContainerId">Of the container it runs in; empty outside of one.</param>
/// <param name="Attributes">What else is known, by OpenTelemetry's attribute names, in a stable order.</param>
internal sealed record ProfileOrigin(
    string Service, int Pid, string Executable, string ContainerId, IReadOnlyList<KeyValuePair<string, string>> Attributes);
