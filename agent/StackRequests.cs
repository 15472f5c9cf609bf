using DotnetPprof.Agent.Interop;

namespace DotnetPprof.Agent;

/// <summary>Looks up the stacks of threads, which handlers ask for.</summary>
internal sealed class StackRequests
{
    private const long UnansweredIntervalNs = 500_000_000;

    /* Threads by the thousand, at a session's start, have their stacks looked up in one reading. */
    private const long ReadingIsGoodForNs = 50_000_000;

    private readonly StackMap _stacks = new();
    private long _nextLookup;
    private long _nextReading;

    /// <param name="slots">Slots from this one on are not used.</param>
    /// <param name="now">CLOCK_MONOTONIC.</param>
    internal void Answer(uint slots, long now)
    {
        bool refreshed = false;
        bool unanswered = false;
        for (uint i = 0; now >= _nextLookup && i < slots; i++)
        {
            if (HotPath.StackWanted(i, out ulong sp, out ulong tcb) == 0)
                continue;
            if (!refreshed)
                _stacks.Refresh();
            refreshed = true;
            StackBounds? found = _stacks.Find(sp, tcb);
            /* "Not known" lets the handler ask again, from wherever it is then. */
            HotPath.SetStack(i, found?.Low ?? 0, found?.High ?? 0);
            unanswered |= found is null;
        }
        /* A thread on a stack of its own making asks at every sample: it does not get the mappings read every time. */
        if (unanswered)
            _nextLookup = now + UnansweredIntervalNs;
    }

    /// <summary>
    /// Of a thread whose stack pointer and thread control block are known. What is not found, because its stack is newer than
    /// the last reading of the mappings, its handler asks for.
    /// </summary>
    internal StackBounds? Find(ulong sp, ulong tcb)
    {
        if (_stacks.TryCached(sp, tcb, out StackBounds bounds))
            return bounds;
        long now = Libc.Now(Libc.ClockMonotonic);
        if (now >= _nextReading)
        {
            _stacks.Refresh();
            _nextReading = now + ReadingIsGoodForNs;
        }
        return _stacks.Find(sp, tcb);
    }
}
