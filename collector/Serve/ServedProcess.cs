namespace DotnetPprof.Serve;

/// <summary>A process under continuous profiling, as its windows are labelled.</summary>
/// <param name="Pid">As this program sees it.</param>
/// <param name="StartTime">Clock ticks after boot at which it began: with the pid, its identity.</param>
/// <param name="Name">What it runs: the entry assembly's name, or the program's.</param>
/// <param name="Service">The service's name as OpenTelemetry's variables give it; <paramref name="Name"/> when they do not.</param>
/// <param name="Version">service.version, empty when not given.</param>
/// <param name="Environment">deployment.environment.name, or deployment.environment; empty when not given.</param>
/// <param name="Host">host.name, or this machine's.</param>
/// <param name="Runtime">The runtime's version, such as 10.0.12.</param>
/// <param name="CommandLine">The arguments, the program first.</param>
internal sealed record ServedProcess(
    int Pid,
    ulong StartTime,
    string Name,
    string Service,
    string Version,
    string Environment,
    string Host,
    string Runtime,
    IReadOnlyList<string> CommandLine);
