using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>Starts captures. Every failure that a user can mend is a <see cref="Model.UserError"/>.</summary>
internal interface ICaptureFactory
{
    /// <summary>Attaches to a running process and samples it; returns once sampling has begun.</summary>
    ICapture Attach(CaptureOptions options);

    /// <summary>
    /// Readies the capture of a process whose runtime is suspended before its first managed instruction. The agent's
    /// variables are set already.
    /// </summary>
    ISuspendedCapture Prepare(CaptureOptions options, DiagnosticsClient client);
}

/// <summary>A capture of a process that does not run yet.</summary>
internal interface ISuspendedCapture : IDisposable
{
    /// <summary>The runtime was resumed: samples it while the agent holds it at its start. Called at most once.</summary>
    ICapture Start();
}
