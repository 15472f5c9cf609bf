using DotnetPprof.Model;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>Stands where the real one will be.</summary>
internal sealed class PendingCaptureFactory : ICaptureFactory
{
    public ICapture Attach(CaptureOptions options) => throw Missing();

    public ISuspendedCapture Prepare(CaptureOptions options, DiagnosticsClient client) => throw Missing();

    private static UserError Missing() => new(ExitCode.SessionCreation, "this build cannot sample yet");
}
