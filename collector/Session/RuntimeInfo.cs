namespace DotnetPprof.Session;

/// <summary>How a runtime describes its process.</summary>
internal sealed record RuntimeInfo(string CommandLine, string Architecture, string Version);
