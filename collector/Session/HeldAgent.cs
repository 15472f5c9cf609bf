using DotnetPprof.Drain;
using DotnetPprof.Model;

namespace DotnetPprof.Session;

/// <summary>An agent that obeys this program and no other: its region, mapped, with the lease on it.</summary>
internal sealed class HeldAgent : IDisposable
{
    private readonly MappedRegion mapped;
    private readonly OwnerLease lease;

    private HeldAgent(MappedRegion mapped, OwnerLease lease, int pid)
    {
        this.mapped = mapped;
        this.lease = lease;
        Control = new AgentControl(mapped.View, pid);
    }

    public RegionView Region => mapped.View;

    public AgentControl Control { get; }

    /// <summary>Whether it still does.</summary>
    public bool IsOurs => lease.Held;

    /// <summary>Takes the lease. Owns the region from here on, also when it throws.</summary>
    /// <exception cref="UserError">Another collector has it.</exception>
    public static HeldAgent Take(MappedRegion mapped, int pid)
    {
        try
        {
            return new HeldAgent(mapped, OwnerLease.Take(mapped, pid), pid);
        }
        catch
        {
            mapped.Dispose();
            throw;
        }
    }

    /// <summary>Lets it go: it goes back to sleep, whatever it was doing.</summary>
    public void Dispose()
    {
        lease.Dispose();
        mapped.Dispose();
    }
}
