using DotnetPprof.Drain;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Session;

/// <summary>Has the agent start and stop sampling. Only for the holder of the lease.</summary>
internal sealed class AgentControl(RegionView region, int pid)
{
    /// <summary>A process that is not stopped answers once it gets to run, which takes its time where fifty others want to.</summary>
    private static readonly TimeSpan s_startPatience = TimeSpan.FromSeconds(20);

    /// <summary>With one that is stopped; and with any at the end, which somebody waits for.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>How often it is looked whether a process that does not answer still lives.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    /// <exception cref="UserError">The agent cannot sample this process, or does not answer.</exception>
    public void Start(CaptureOptions options)
    {
        ref RegionControl control = ref region.Control;
        /* A collector that died may have left it sampling, or about to start at another rate. */
        bool isIdle = (AgentState)Volatile.Read(ref control.State) != AgentState.Sampling && control.Command == Volatile.Read(ref control.Acknowledged);
        bool answers = isIdle || Stop();
        control.WantRateHz = (uint)options.RateHz;
        control.WantMaxOverheadPpm = (uint)options.MaxOverheadPpm;
        control.WantBufferMb = (uint)options.BufferMegabytes;
        control.WantBurstUs = Microseconds(options.Burst?.Length);
        control.WantBurstPeriodUs = Microseconds(options.Burst?.Period);
        control.WantEngine = (uint)options.Engine;
        control.WantClock = (uint)options.Clock;
        control.WantSampling = 1;
        if (!answers || !Command(s_startPatience))
            throw new UserError(ExitCode.SessionCreation, ProcFs.Exists(pid) ? $"the agent in process {pid} does not answer; is the process stopped?" : $"process {pid} has ended");
        if ((AgentState)control.State != AgentState.Sampling)
            throw new UserError(ExitCode.SessionCreation, $"the agent refused to sample process {pid}: {region.Error}");
    }

    /// <returns>False when the agent did not answer: the process is gone, or stopped.</returns>
    public bool Stop()
    {
        region.Control.WantSampling = 0;
        return Command(s_patience);
    }

    private static uint Microseconds(TimeSpan? time) => (uint)(time?.TotalMicroseconds ?? 0);

    private bool Command(TimeSpan patience)
    {
        ref RegionControl control = ref region.Control;
        /* Another number than that of a command still under way, or its acknowledgement would be taken for this one's. */
        uint command = control.Command + 1;
        Volatile.Write(ref control.Command, command);
        Interlocked.Increment(ref control.Doorbell);
        RegionInterop.Wake(ref control.Doorbell);
        Symbolize.Deadline deadline = new(patience), stoppedDeadline = new(s_patience);
        while (Volatile.Read(ref control.Acknowledged) is var seen && seen != command)
        {
            if (deadline.Left == TimeSpan.Zero || !ProcFs.IsRunning(pid) || (stoppedDeadline.Left == TimeSpan.Zero && ProcFs.IsStopped(pid)))
                return false;
            /* The agent wakes whoever waits; one that is gone wakes nobody. */
            RegionInterop.Wait(ref control.Acknowledged, seen, s_look);
        }
        return true;
    }
}
