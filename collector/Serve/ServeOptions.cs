using System.IO.Enumeration;
using System.Net;
using DotnetPprof.Upload;

namespace DotnetPprof.Serve;

/// <summary>What `serve` was asked for.</summary>
/// <param name="Listen">Where HTTP is served.</param>
/// <param name="Token">What a request must carry; null when none is asked for.</param>
/// <param name="OutputDirectory">Where windows are put as files; null for nowhere.</param>
/// <param name="Window">Length of a regular window.</param>
/// <param name="KeepFor">How long files stay.</param>
/// <param name="KeepBytes">How many bytes of files stay.</param>
/// <param name="RateHz">Samples per second of CPU time.</param>
/// <param name="MaxOverheadPpm">What sampling may take of a thread's CPU time, in millionths; 0 for no limit.</param>
/// <param name="Names">Processes or services to profile, with * for anything; none means all.</param>
/// <param name="Excluded">The same for those to leave alone.</param>
/// <param name="AttachAll">Whether the agent is loaded into processes that do not carry it.</param>
/// <param name="Uploads">Where windows are uploaded to.</param>
internal sealed record ServeOptions(
    IPEndPoint Listen,
    string? Token,
    string? OutputDirectory,
    TimeSpan Window,
    TimeSpan KeepFor,
    long KeepBytes,
    int RateHz,
    int MaxOverheadPpm,
    IReadOnlyList<string> Names,
    IReadOnlyList<string> Excluded,
    bool AttachAll,
    UploadOptions Uploads)
{
    public bool Wants(ServedProcess process) =>
        (Names.Count == 0 || Names.Any(name => Fits(name, process))) && !Excluded.Any(name => Fits(name, process));

    private static bool Fits(string pattern, ServedProcess process) =>
        FileSystemName.MatchesSimpleExpression(pattern, process.Service, ignoreCase: false)
        || FileSystemName.MatchesSimpleExpression(pattern, process.Name, ignoreCase: false);
}
