using DotnetPprof.Model;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>Starts captures for real.</summary>
/// <param name="agentPath">Absolute path of the agent's library.</param>
internal sealed class CaptureFactory(string agentPath) : ICaptureFactory
{
    /// <summary>From the runtime's resumption to the agent's region; the agent holds the process as long.</summary>
    private static readonly TimeSpan s_agentPatience = TimeSpan.FromSeconds(5);

    public ICapture Attach(CaptureOptions options)
    {
        var client = new DiagnosticsClient(options.Pid);
        var target = new CaptureTarget(options.Pid, client);
        try
        {
            /* Both talk to the runtime for a while; neither needs the other. */
            Task symbols = Task.Run(target.AttachSymbols);
            MappedRegion region = MappedRegion.Find(options.Pid) ?? AgentLoader.Load(client, options.Pid, agentPath);
            symbols.Wait();
            return Capture.Start(options, target, region);
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    public ISuspendedCapture Prepare(CaptureOptions options, DiagnosticsClient client)
    {
        var target = new CaptureTarget(options.Pid, client);
        target.AttachSymbolsSuspended();
        return new SuspendedCapture(options, target);
    }

    private sealed class SuspendedCapture(CaptureOptions options, CaptureTarget target) : ISuspendedCapture
    {
        private bool started;

        public ICapture Start()
        {
            var deadline = new Symbolize.Deadline(s_agentPatience);
            while (true)
            {
                if (MappedRegion.Find(options.Pid) is { } region)
                {
                    started = true;
                    return Capture.Start(options, target, region);
                }
                if (deadline.Left == TimeSpan.Zero || !target.IsRunning)
                    throw new UserError(ExitCode.SessionCreation, $"process {options.Pid} did not load the agent at its start; does its environment forbid profilers?");
                Thread.Sleep(1);
            }
        }

        public void Dispose()
        {
            if (!started)
                target.Dispose();
        }
    }
}
