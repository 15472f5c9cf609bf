using System.Globalization;
using DotnetPprof.Agent.Interop;

namespace DotnetPprof.Agent;

/// <summary>
/// Lifts the quiet that forks raise (native/quiet.h), once it is known what became of the child. While that is createdump,
/// or createdump traces us, it stays; a child that is gone or has become another program ends it, and one that goes on
/// without exec does so after a quarter of a second. Where there are more who want to run than cores, or the processes have a
/// quota, a child may not have run by then: so it is waited for longer as long as it wants to and hardly has.
/// <para>
/// A quiet that was in vain costs samples, and a program may fork all the time: whichever thread forked raises none for
/// ten seconds, since who starts createdump is the runtime's own thread or one that is crashing; and no thread does for
/// ten times as long as it was quiet. So at most an eleventh of the time is quiet in vain where ever new threads fork, and
/// a fortieth where one does.
/// </para>
/// </summary>
internal sealed class ForkQuiet
{
    private const long ExecPatienceNs = 250_000_000;

    /* An exec takes a few milliseconds of CPU time, in the kernel's ticks of a hundredth of a second. */
    private const ulong ExecTicks = 5;
    private const long LongestExecPatienceNs = 5_000_000_000;
    private const long SpareThreadNs = 10_000_000_000;
    private const long SpareFactor = 10;
    private const long LongestWaitNs = 1_000_000_000;
    private const long LookIntervalNs = 2_000_000;

    /* Where a look takes long: there are many processes, and the kernel does not list children. */
    private const long LookCostFactor = 10;
    private const long LongestLookIntervalNs = 50_000_000;

    /* A dump takes longer. This thread is stopped like all others meanwhile, and may never get to see createdump. */
    private const long ShortestDumpNs = 20_000_000;
    private const string Dumper = "createdump";

    private readonly HashSet<uint> _inVain = [];
    private bool _hasSeenDumper;
    private long _beganAt;
    private long _lookedAt;

    /// <summary>Whether no timer of ours runs. May become so at any time, but ceases to in <see cref="Look"/> alone.</summary>
    internal bool IsRaised => HotPath.QuietRaised() != HotPath.QuietLifted();

    /// <summary>CLOCK_MONOTONIC when <see cref="Look"/> is worth while again.</summary>
    internal long NextLook { get; private set; }

    /// <summary>Lifts the quiet where there is no more reason for it.</summary>
    internal void Look(long now)
    {
        uint raised = HotPath.QuietRaised();
        uint lifted = HotPath.QuietLifted();
        if (raised == lifted || now < NextLook)
            return;
        if (_beganAt == 0)
            _beganAt = now;
        bool stays = IsTracedByDumper();
        _inVain.Clear();
        for (uint number = lifted; !stays && number != raised;)
            stays = Stays(++number, raised, now);
        long after = Libc.Now(Libc.ClockMonotonic);
        _lookedAt = now;
        if (stays)
        {
            NextLook = after + Math.Clamp(LookCostFactor * (after - now), LookIntervalNs, LongestLookIntervalNs);
            return;
        }
        if (!_hasSeenDumper)
        {
            foreach (uint tid in _inVain)
                HotPath.SpareFromQuiet(tid, (ulong)(after + SpareThreadNs));
            if (_inVain.Count > 0)
                HotPath.SpareFromQuiet(0, (ulong)(after + (SpareFactor * Math.Min(after - _beganAt, LongestExecPatienceNs))));
        }
        _hasSeenDumper = false;
        _beganAt = 0;
        HotPath.LiftQuiet(raised);
    }

    /// <summary>For what cannot be done before; a second at most.</summary>
    internal void WaitUntilOver()
    {
        long now = Libc.Now(Libc.ClockMonotonic);
        long deadline = now + LongestWaitNs;
        while (IsRaised && now < deadline)
        {
            Look(now);
            Thread.Sleep(1);
            now = Libc.Now(Libc.ClockMonotonic);
        }
    }

    private bool Stays(uint number, uint raised, long now)
    {
        if (HotPath.QuietFork(number, out uint tid, out ulong since, out uint isMade) == 0)
            return false;
        if (tid == 0)
            return true;
        if (_inVain.Contains(tid))
            return false;
        if (HasForkedAgain(number, raised, tid, since))
        {
            _inVain.Add(tid);
            return false;
        }
        if (isMade == 0)
            return true;
        /* Forks may follow each other faster than that, so the quiet has an end of its own. */
        bool isYoung = IsNewEnough(since, now, ExecPatienceNs);
        bool isAnother = false;
        try
        {
            string? own = new FileInfo("/proc/self/exe").LinkTarget;
            foreach (string child in ChildrenOf(tid))
            {
                string? program = new FileInfo($"/proc/{child}/exe").LinkTarget;
                if (program is null)
                    continue; /* it has ended, or is somebody else's by now */
                if (IsDumper(program))
                {
                    _hasSeenDumper = true;
                    return true;
                }
                if (program == own && (isYoung || (IsNewEnough(since, now, LongestExecPatienceNs) && HasHardlyRun(child))))
                    return true;
                isAnother = true;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return isYoung; /* the process has no file descriptor left */
        }
        /* A child that was gone before it was looked at: was there time for a dump? */
        if (isAnother || Libc.Now(Libc.ClockMonotonic) - Math.Max(_lookedAt, (long)since) < ShortestDumpNs)
            _inVain.Add(tid);
        return false;
    }

    /// <summary>
    /// Whether a thread has made another child before createdump could have been done: who starts that waits for its end.
    /// Else the newest child of a thread that forks all the time would be taken for each that came before it.
    /// </summary>
    private bool HasForkedAgain(uint number, uint raised, uint tid, ulong since)
    {
        while (number != raised)
        {
            if (HotPath.QuietFork(++number, out uint next, out ulong then, out _) != 0 && next == tid)
                return (long)then - Math.Max(_lookedAt, (long)since) < ShortestDumpNs;
        }
        return false;
    }

    private bool IsNewEnough(ulong since, long now, long patience) => now - (long)since < patience && now - _beganAt < patience;

    /// <summary>Whether a process is ready to run, or about to be, and has not yet been given the time that an exec takes.</summary>
    private static bool HasHardlyRun(string pid)
    {
        string stat = File.ReadAllText($"/proc/{pid}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0] is "R" or "D" && ulong.Parse(fields[11], CultureInfo.InvariantCulture) + ulong.Parse(fields[12], CultureInfo.InvariantCulture) < ExecTicks;
    }

    private static string[] ChildrenOf(uint tid)
    {
        try
        {
            return File.ReadAllText($"/proc/self/task/{tid}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            /* A kernel that does not list them, or the thread has ended and they are another one's now. */
            return [.. Directory.GetDirectories("/proc").Select(path => path["/proc/".Length..]).Where(IsChild)];
        }
    }

    private static bool IsChild(string name)
    {
        if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            return false;
        try
        {
            string stat = File.ReadAllText($"/proc/{name}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[1] == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private bool IsTracedByDumper()
    {
        const string field = "TracerPid:\t";
        try
        {
            string? line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal));
            bool isTraced = line is not null && line[field.Length..] != "0" &&
                new FileInfo($"/proc/{line[field.Length..]}/exe").LinkTarget is { } program && IsDumper(program);
            _hasSeenDumper |= isTraced;
            return isTraced;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsDumper(string program) =>
        Path.GetFileName(program.AsSpan()).StartsWith(Dumper, StringComparison.Ordinal); /* "createdump (deleted)" too */
}
