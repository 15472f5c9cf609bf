using DotnetPprof.Serve;
using DotnetPprof.Session;

namespace DotnetPprof.Upload;

/// <summary>
/// What receivers are told of processes. It is asked for once for each, at its first window: by the last one the process
/// may be gone.
/// </summary>
internal sealed class ProfileOrigins
{
    /// <summary>Processes of a service that restarts all day long; then they are asked again.</summary>
    private const int MostKnown = 1000;

    private readonly Dictionary<(int Pid, ulong StartTime), ProfileOrigin> known = [];

    public ProfileOrigin Of(ServedProcess process)
    {
        if (known.TryGetValue((process.Pid, process.StartTime), out ProfileOrigin? origin))
            return origin;
        origin = new ProfileOrigin(
            process.Service.Length > 0 ? process.Service : "unknown_service",
            process.Pid,
            ProcFs.Executable(process.Pid) ?? process.CommandLine.FirstOrDefault() ?? "",
            ContainerId.Of(ProcFs.ControlGroups(process.Pid)),
            [
                new("service.version", process.Version),
                new("deployment.environment.name", process.Environment),
                new("host.name", process.Host),
                new("process.runtime.name", ".NET"),
                new("process.runtime.version", process.Runtime),
            ]);
        if (known.Count >= MostKnown)
            known.Clear();
        known.Add((process.Pid, process.StartTime), origin);
        return origin;
    }
}
