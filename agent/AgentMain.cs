using System.Runtime.InteropServices;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Agent.Unwind;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

internal static unsafe class AgentMain
{
    /// <summary>EIO: what a client of a failed attach is told when the reason has no number.</summary>
    private const int UnexpectedErrno = 5;

    private const int RefusedErrno = 1; /* EPERM */

    /// <summary>
    /// The agent's thread, from native/entry.c: the only thread on which this runtime's code runs. Returns only when
    /// there can be no agent; the process goes on without one.
    /// </summary>
    [UnmanagedCallersOnly(EntryPoint = "agent_main")]
    private static void Run(AgentStart* start)
    {
        try
        {
            RefuseDeadlyCalls();
            SharedRegion region = SharedRegion.Create(start);
            /* Each session chooses its own clock before it samples; see SessionClock. */
            if (HotPath.Initialize(region.Base, ClockNative.Pointer((uint)ClockKind.Stopwatch)) is < 0 and long error)
            {
                region.Destroy();
                throw new AgentFailure((int)-error, "no memory for the agent's tables");
            }
            region.Seal();
            HotPath.SetDoorbell(&region.Control->Doorbell);
            var registry = new ThreadRegistry((uint)Libc.GetThreadId());
            var session = new SamplingSession(region, new SessionClock(region, start->FailingClocks), registry, start->PerfTests);
            var learning = new StackLearning(region, registry);
            new ControlLoop(region, registry, learning, session).Run(start->LaunchWaitMs);
        }
        catch (AgentFailure failure)
        {
            HotPath.Ready(-failure.Errno);
        }
        catch (Exception)
        {
            /* Nothing may leave this method: an unhandled exception would end the process. */
            HotPath.Ready(-UnexpectedErrno);
        }
    }

    private static void RefuseDeadlyCalls()
    {
        uint deadly = HotPath.DeadlyCalls();
        if (Kills(SandboxCall.MemfdCreate) || Kills(SandboxCall.Fallocate))
            throw new AgentFailure(RefusedErrno, "a seccomp filter ends the process for memfd_create or fallocate");

        bool Kills(SandboxCall call) => (deadly & (1u << (int)call)) != 0;
    }
}
