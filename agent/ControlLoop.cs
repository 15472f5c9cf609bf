using DotnetPprof.Agent.Interop;
using DotnetPprof.Agent.Unwind;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// The agent's only loop: waits on the doorbell, takes thread events, obeys the collector that holds the lease, and goes
/// back to sleep when that one is gone. Asleep without a collector it wakes for thread events alone.
/// </summary>
internal sealed unsafe class ControlLoop(SharedRegion region, ThreadRegistry registry, StackLearning learning, SamplingSession session)
{
    /// <summary>A collector that has not been heard of for so long is dead, if its lock on the region is gone too.</summary>
    private const long LeaseNs = 3_000_000_000;

    /// <summary>
    /// And one that still has it is stopped, or as good as: on a machine with fifty times the work it can do, it may not get
    /// to run for long.
    /// </summary>
    private const long SilentLeaseNs = 15_000_000_000;
    private const long NanosPerMs = 1_000_000;
    private const long TendIntervalMs = 50;
    private const long EagerTendIntervalMs = 5;
    private const long EagerForNs = 500_000_000;
    private const long LeaseCheckIntervalMs = 500;

    /// <summary>Twice the interval at which a collector is heard of.</summary>
    private const long GraceNs = 1_000_000_000;

    private uint _doorbell;
    private long _startedAt;
    private long _lookedAt;
    private long _graceUntil;
    private bool _holdsMemory;
    private bool _isStartPutOff;

    /// <param name="launchWaitMs">How long the process is held at its start until a collector samples it.</param>
    internal void Run(uint launchWaitMs)
    {
        bool held = launchWaitMs > 0;
        long holdUntil = Libc.Now(Libc.ClockMonotonic) + launchWaitMs * 1_000_000L;
        if (!held)
            HotPath.Ready(0);
        while (true)
        {
            long now = Libc.Now(Libc.ClockMonotonic);
            try
            {
                registry.TakeEvents();
                Obey(now);
                if (session.Running)
                    session.Tend(now);
            }
            catch (Exception e)
            {
                /* Whatever it was (no memory, no file descriptors), the process must not feel it. */
                session.Abandon(e);
                /* Nor is the command tried again and again, nor its sender left to wait. */
                Acknowledge(Volatile.Read(ref region.Control->Command));
            }
            /* A collector that was refused will not come again. */
            if (held && (session.Running || now >= holdUntil || region.Control->State == (uint)AgentState.Failed))
            {
                held = false;
                HotPath.Ready(0);
            }
            _doorbell = HotPath.Wait(_doorbell, held ? EagerTendIntervalMs : WaitMs(now));
        }
    }

    private long WaitMs(long now)
    {
        if (session.Running)
        {
            long usual = now - _startedAt < EagerForNs ? EagerTendIntervalMs : TendIntervalMs;
            return Math.Min(usual, MsUntil(session.WakeAt));
        }
        if (_isStartPutOff)
            return MsUntil(session.WakeAt);
        return Volatile.Read(ref region.Control->Owner) != 0 || _holdsMemory ? LeaseCheckIntervalMs : -1;
    }

    private static long MsUntil(long time) =>
        Math.Max(1, (Math.Min(time - Libc.Now(Libc.ClockMonotonic), long.MaxValue / 2) + NanosPerMs - 1) / NanosPerMs);

    private void Obey(long now)
    {
        RegionControl* control = region.Control;
        ulong owner = Volatile.Read(ref control->Owner);
        _isStartPutOff = false;
        /* Where the agent has not run for long, a paused container's collector has not either. */
        if (now - _lookedAt > LeaseNs / 2)
            _graceUntil = now + GraceNs;
        _lookedAt = now;
        long silent = now - (long)Volatile.Read(ref control->OwnerHeartbeatNs);
        if (owner != 0 && now >= _graceUntil && silent > LeaseNs && (silent > SilentLeaseNs || !region.IsLockedBy(owner)))
        {
            Interlocked.CompareExchange(ref control->Owner, 0, owner);
            owner = 0;
        }
        if (owner == 0)
        {
            if (session.Running)
                session.Stop();
            learning.End();
            if (_holdsMemory)
                session.Release();
            _holdsMemory = false;
            if (control->State == (uint)AgentState.Failed)
                control->State = (uint)AgentState.Asleep;
            return;
        }

        _holdsMemory |= learning.Serve(owner);
        uint command = Volatile.Read(ref control->Command);
        if (command == control->Acknowledged)
            return;
        bool wanted = control->WantSampling != 0;
        if (wanted && !session.Running)
        {
            _isStartPutOff = !session.CanStart(now);
            if (_isStartPutOff)
                return;
            _holdsMemory = true;
            _startedAt = now;
            session.Start(SessionRequest.Of(*control));
        }
        else if (!wanted && session.Running)
        {
            session.Stop();
        }
        Acknowledge(command);
    }

    private void Acknowledge(uint command)
    {
        Volatile.Write(ref region.Control->Acknowledged, command);
        HotPath.WakeAll(&region.Control->Acknowledged);
    }
}
