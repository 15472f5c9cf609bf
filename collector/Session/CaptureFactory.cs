using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>Starts captures for real.</summary>
/// <param name="agentPath">Absolute path of the agent's library.</param>
internal sealed class CaptureFactory(string agentPath) : ICaptureFactory
{
    /// <summary>From the runtime's resumption to the agent's region; the agent holds the process as long.</summary>
    private static readonly TimeSpan s_agentPatience = TimeSpan.FromSeconds(5);

    private readonly SharedSymbols shared = new();

    public ICapture Attach(CaptureOptions options)
    {
        var client = new DiagnosticsClient(options.Pid);
        var target = new CaptureTarget(options, client, shared);
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

    /// <summary>Attaches to a running process and samples it without end.</summary>
    /// <param name="options">How.</param>
    /// <param name="window">Length of a regular window.</param>
    /// <param name="mayLoad">Whether the agent may be loaded where it is not there.</param>
    /// <param name="finished">Told of each regular window, on a thread that must not be held up.</param>
    /// <exception cref="UserError">This process cannot be sampled, or not now.</exception>
    public ContinuousCapture AttachForever(CaptureOptions options, TimeSpan window, bool mayLoad, Action<CaptureWindow, CaptureResult?> finished)
    {
        var target = new CaptureTarget(options, new DiagnosticsClient(options.Pid), shared);
        HeldAgent agent;
        try
        {
            MappedRegion region = MappedRegion.Find(options.Pid)
                ?? (mayLoad ? AgentLoader.Load(target.Client, options.Pid, agentPath) : throw new UserError(ExitCode.SessionCreation, $"process {options.Pid} has no agent"));
            /* Before the rest, which takes a while: one that is another collector's is left alone. */
            agent = HeldAgent.Take(region, options.Pid);
        }
        catch
        {
            target.Dispose();
            throw;
        }
        try
        {
            target.AttachSymbols();
        }
        catch
        {
            agent.Dispose();
            target.Dispose();
            throw;
        }
        return ContinuousCapture.Start(options, target, agent, window, finished);
    }

    public ISuspendedCapture Prepare(CaptureOptions options, DiagnosticsClient client)
    {
        var target = new CaptureTarget(options, client, shared);
        target.AttachSymbolsSuspended();
        return new SuspendedCapture(options, target);
    }

    private sealed class SuspendedCapture(CaptureOptions options, CaptureTarget target) : ISuspendedCapture
    {
        private bool started;

        public ICapture Start()
        {
            var deadline = new Deadline(s_agentPatience);
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
