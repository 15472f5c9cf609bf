using System.Globalization;
using System.Text;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// The process's threads: from the runtime's callbacks those it knows, with their names, and from /proc/self/task the
/// rest. Kept up to date while asleep too, for names are announced once.
/// </summary>
internal sealed unsafe class ThreadRegistry(uint ownTid)
{
    private const long NoSession = long.MaxValue;

    private readonly Dictionary<uint, SampledThread> _byTid = [];
    private readonly Dictionary<ulong, SampledThread> _byManagedId = [];

    /* A thread may be named before it is started. */
    private readonly Dictionary<ulong, string> _earlyNames = [];
    private readonly List<SampledThread> _gone = [];
    private readonly HashSet<uint> _ours = [ownTid];

    /* When a thread of this id was last said to have ended in the session: one that began before then is that thread, still running. */
    private readonly Dictionary<uint, long> _endedAt = [];
    private long _sessionStart = NoSession;
    private uint _scan;

    internal event Action<SampledThread>? Started;

    /// <summary>With the thread's CPU clock at its end in nanoseconds, or -1 when it could not be read.</summary>
    internal event Action<SampledThread, long>? Ended;

    internal event Action<SampledThread>? Renamed;

    /// <summary>With the runtime's id of the method or the module whose code is being freed.</summary>
    internal event Action<ulong>? CodeUnloaded;

    internal IEnumerable<SampledThread> All => _byTid.Values;

    internal int Count => _byTid.Count;

    /// <summary>A thread of the agent's own is not sampled.</summary>
    internal void Exclude(uint tid)
    {
        _ours.Add(tid);
        if (_byTid.TryGetValue(tid, out SampledThread? thread))
            Forget(thread, -1);
    }

    /// <summary>From here on, threads that begin belong to the session with all their CPU time.</summary>
    internal void BeginSession()
    {
        _sessionStart = Libc.Now(Libc.ClockBoottime);
        _endedAt.Clear();
        foreach (SampledThread thread in _byTid.Values)
            thread.BornInSession = false;
    }

    /// <summary>Nothing is remembered of threads that end from here on: asleep, there may be millions.</summary>
    internal void EndSession()
    {
        _sessionStart = NoSession;
        _endedAt.Clear();
    }

    /// <summary>Takes what the runtime's callbacks have queued.</summary>
    internal void TakeEvents()
    {
        AgentEvent next;
        while (HotPath.TakeEvent(&next) != 0)
        {
            switch ((AgentEventKind)next.Kind)
            {
                case AgentEventKind.ThreadStarted:
                    OnStarted(next);
                    break;
                case AgentEventKind.ThreadEnded:
                    if (_byManagedId.Remove(next.ManagedId, out SampledThread? ended))
                    {
                        bool onItself = ended.Tid == next.Tid;
                        Forget(ended, onItself ? (long)next.CpuNs : -1);
                    }
                    _earlyNames.Remove(next.ManagedId);
                    break;
                case AgentEventKind.ThreadNamed:
                    OnNamed(next.ManagedId, new string((char*)next.Name, 0, (int)Math.Min(next.NameUnits, 64)));
                    break;
                case AgentEventKind.MethodUnloaded or AgentEventKind.ModuleUnloaded:
                    CodeUnloaded?.Invoke(next.ManagedId);
                    break;
            }
        }
    }

    /// <summary>Finds threads the runtime does not know, and those that went without a word.</summary>
    internal void Scan()
    {
        string[] paths;
        try
        {
            paths = Directory.GetDirectories("/proc/self/task");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return; /* the process has no file descriptor left; what is known goes on being sampled */
        }
        _scan++;
        foreach (string path in paths)
        {
            ReadOnlySpan<char> name = path.AsSpan(path.LastIndexOf('/') + 1);
            if (!uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint tid) || _ours.Contains(tid))
                continue;
            if (!_byTid.TryGetValue(tid, out SampledThread? thread))
            {
                thread = new SampledThread(tid) { Name = ReadName(tid), BornInSession = BeganInSession(tid) };
                _byTid.Add(tid, thread);
                thread.SeenInScan = _scan;
                Started?.Invoke(thread);
            }
            else if (thread.Name.Length == 0)
            {
                Rename(thread, ReadName(tid));
            }
            thread.SeenInScan = _scan;
        }

        _gone.Clear();
        foreach (SampledThread thread in _byTid.Values)
        {
            if (thread.SeenInScan != _scan)
                _gone.Add(thread);
        }
        foreach (SampledThread thread in _gone)
            Forget(thread, -1);
        /* Whoever was said to have ended and lives on has been found again by now. */
        _endedAt.Clear();
    }

    private void OnStarted(in AgentEvent started)
    {
        if (_byTid.TryGetValue(started.Tid, out SampledThread? thread) && thread.ManagedId != 0 && thread.ManagedId != started.ManagedId)
        {
            /* The kernel has given the id of an ended thread to a new one. */
            Forget(thread, -1);
            thread = null;
        }
        bool isNew = thread is null;
        if (thread is null)
        {
            thread = new SampledThread(started.Tid) { BornInSession = BeganInSession(started.Tid) };
            _byTid[started.Tid] = thread;
        }
        thread.SeenInScan = _scan;
        thread.ManagedId = started.ManagedId;
        thread.StackPointer = started.Sp;
        thread.Tcb = started.Tcb;
        _byManagedId[started.ManagedId] = thread;
        if (_earlyNames.Remove(started.ManagedId, out string? name))
            Rename(thread, name);
        if (isNew)
            Started?.Invoke(thread);
    }

    private void OnNamed(ulong managedId, string name)
    {
        if (_byManagedId.TryGetValue(managedId, out SampledThread? thread))
            Rename(thread, name);
        else
            _earlyNames[managedId] = name;
    }

    private void Rename(SampledThread thread, string name)
    {
        if (thread.Name == name)
            return;
        thread.Name = name;
        Renamed?.Invoke(thread);
    }

    private void Forget(SampledThread thread, long cpuNs)
    {
        if (_byTid.TryGetValue(thread.Tid, out SampledThread? current) && ReferenceEquals(current, thread))
            _byTid.Remove(thread.Tid);
        if (thread.ManagedId != 0 && _byManagedId.TryGetValue(thread.ManagedId, out current) && ReferenceEquals(current, thread))
            _byManagedId.Remove(thread.ManagedId);
        if (_sessionStart != NoSession)
            _endedAt[thread.Tid] = Libc.Now(Libc.ClockBoottime);
        Ended?.Invoke(thread, cpuNs);
    }

    /// <summary>
    /// Whether a thread began after the session, and after any thread of its id that has ended: a native thread that
    /// leaves the runtime is announced as ended and lives on, and its CPU time up to then is accounted for.
    /// </summary>
    private bool BeganInSession(uint tid)
    {
        long began = ReadStart(tid);
        return began >= _sessionStart && (!_endedAt.TryGetValue(tid, out long ended) || began >= ended);
    }

    /// <summary>
    /// Nanoseconds of CLOCK_BOOTTIME, rounded down to the hundredth of a second that /proc gives (field 22 of stat, in
    /// USER_HZ, which is 100 on x86-64); up to one later than the truth, so that rounding does not make a new thread old.
    /// </summary>
    private static long ReadStart(uint tid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/self/task/{tid}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields.Length > 19 && long.TryParse(fields[19], CultureInfo.InvariantCulture, out long start) ? (start + 1) * 10_000_000 : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static string ReadName(uint tid)
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/self/task/{tid}/comm")).TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
