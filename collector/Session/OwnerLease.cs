using DotnetPprof.Drain;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Session;

/// <summary>
/// The right to have a target sampled: one collector has it at a time, and keeps it by a heartbeat and by a lock on the
/// region. When the heart stops the agent goes back to sleep, and the lease is free: soon where the lock is gone too, with
/// its process; later where it is held, by one that the machine leaves no time to run, or that is stopped.
/// </summary>
internal sealed class OwnerLease : IDisposable
{
    /// <summary>The agent's patience (ControlLoop.LeaseNs), with one that is gone.</summary>
    private const long LeaseNanos = 3_000_000_000;

    /// <summary>And with one that is there (ControlLoop.SilentLeaseNs).</summary>
    private const long SilentLeaseNanos = 15_000_000_000;
    private const long TakeOverPatienceNanos = LeaseNanos + 1_000_000_000;
    private readonly MappedRegion mapped;
    private readonly RegionView region;
    private readonly ulong self = (ulong)Environment.ProcessId;

    private OwnerLease(MappedRegion mapped)
    {
        this.mapped = mapped;
        region = mapped.View;
        LeaseHeart.Add(this);
    }

    /// <summary>Whether the agent still counts us as the owner.</summary>
    public bool Held => Volatile.Read(ref region.Control.Owner) == self;

    /// <exception cref="UserError">Another collector has it; the message names it.</exception>
    public static OwnerLease Take(MappedRegion mapped, int pid)
    {
        ref RegionControl control = ref mapped.View.Control;
        ulong self = (ulong)Environment.ProcessId;
        long patience = RegionInterop.MonotonicNow() + TakeOverPatienceNanos;
        while (true)
        {
            ulong owner = Volatile.Read(ref control.Owner);
            long now = RegionInterop.MonotonicNow();
            long silent = now - (long)Volatile.Read(ref control.OwnerHeartbeatNs);
            bool expired = owner != 0 && silent > LeaseNanos && (silent > SilentLeaseNanos || !mapped.IsLockedBy(owner));
            if (owner == 0 || owner == self || expired)
            {
                /* The lock is there and the heart beats before the lease is ours, or the agent would take it for a dead one's. */
                mapped.LockFor(self);
                Volatile.Write(ref control.OwnerHeartbeatNs, (ulong)now);
                if (Interlocked.CompareExchange(ref control.Owner, self, owner) == owner)
                {
                    control.OwnerStartTime = ProcFs.StartTime(Environment.ProcessId) ?? 0;
                    return new OwnerLease(mapped);
                }
                continue;
            }
            if (LooksAlive(owner, control.OwnerStartTime) || now > patience)
            {
                throw new UserError(
                    ExitCode.SessionCreation,
                    $"process {pid} is being sampled by the collector with pid {owner}; one at a time: stop that one first");
            }
            Thread.Sleep(100);
        }
    }

    public void Dispose()
    {
        LeaseHeart.Remove(this);
        ref RegionControl control = ref region.Control;
        mapped.UnlockFor(self);
        Interlocked.CompareExchange(ref control.Owner, 0, self);
        Interlocked.Increment(ref control.Doorbell);
        RegionInterop.Wake(ref control.Doorbell);
    }

    private static bool LooksAlive(ulong owner, ulong startTime) =>
        owner <= int.MaxValue && ProcFs.StartTime((int)owner) is { } actual && (startTime == 0 || actual == startTime);

    /// <summary>Tells the agent that its owner lives.</summary>
    public void Beat()
    {
        if (Held)
            Volatile.Write(ref region.Control.OwnerHeartbeatNs, (ulong)RegionInterop.MonotonicNow());
    }
}
