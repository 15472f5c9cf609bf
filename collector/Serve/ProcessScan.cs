using DotnetPprof.Interop;
using DotnetPprof.Session;

namespace DotnetPprof.Serve;

/// <summary>
/// Finds processes to profile as they come. A process that is new is looked into several times in its first minute, while
/// its runtime starts and the agent appears, and then now and again; so hundreds of others cost next to nothing.
/// </summary>
/// <param name="probe">Tells whether a process has the agent.</param>
/// <param name="attachAll">Whether every .NET process is wanted, with the agent or without.</param>
internal sealed class ProcessScan(IAgentProbe probe, bool attachAll)
{
    private const int Eager = 10;
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(30);

    private readonly Dictionary<int, Candidate> candidates = [];

    /// <summary>Processes that were not known to be wanted before and are, each given once.</summary>
    /// <param name="now">Any clock that goes on steadily.</param>
    public IReadOnlyList<(int Pid, ulong StartTime)> Next(TimeSpan now)
    {
        var alive = new HashSet<int>();
        var found = new List<(int Pid, Candidate Candidate)>();
        foreach (int pid in NumberedEntries.Of("/proc") ?? throw new IOException("/proc cannot be read"))
        {
            if (pid == Environment.ProcessId)
                continue;
            alive.Add(pid);
            Candidate? candidate = candidates.GetValueOrDefault(pid);
            if (now < candidate?.NextLook || ProcFs.StartTime(pid) is not { } start)
                continue;
            /* The number may be another process's by now. */
            if (candidate?.StartTime != start)
                candidates[pid] = candidate = new Candidate(start);
            candidate.Looks++;
            candidate.NextLook = now + (candidate.Looks < Eager && !candidate.IsFound ? TimeSpan.FromSeconds(candidate.Looks) : s_lookAgain);
            if (candidate.IsFound || !IsWanted(pid, candidate.Looks))
                continue;
            found.Add((pid, candidate));
        }
        foreach (int gone in candidates.Keys.Where(pid => !alive.Contains(pid)).ToList())
            candidates.Remove(gone);
        /* Not before: where one of the others could not be looked into, all of them are found the next time. */
        foreach ((_, Candidate candidate) in found)
            candidate.IsFound = true;
        return [.. found.Select(process => (process.Pid, process.Candidate.StartTime))];
    }

    private bool IsWanted(int pid, int looks)
    {
        AgentPresence presence = probe.Probe(pid);
        if (presence is AgentPresence.Asleep or AgentPresence.Sampling or AgentPresence.OtherVersion)
            return true;
        /* One that is about to have the agent from its start gets a moment. */
        return attachAll && presence == AgentPresence.Absent && looks > 2 && DiagnosticPort.Find(pid) is not null;
    }

    private sealed class Candidate(ulong startTime)
    {
        public ulong StartTime { get; } = startTime;

        public int Looks { get; set; }

        public TimeSpan NextLook { get; set; }

        public bool IsFound { get; set; }
    }
}
