namespace DotnetPprof.Unwind;

/// <summary>
/// Code that waits to be learned. Any thread adds, the learner's takes. When all is taken that a burst left here, its
/// memory goes too: thousands of pieces come at once when a target is met, and few after.
/// </summary>
internal sealed class LearningQueue
{
    /// <summary>Room that stays, in pieces.</summary>
    private const int Least = 64;

    /* A monitor, because a Lock cannot be waited on. */
    private readonly object gate = new();
    private readonly Queue<(CodeToLearn Code, int Attempt)> waiting = new();
    private bool isComplete;
    private bool isWoken;

    /// <summary>Pieces there is room for; for tests.</summary>
    internal int Room
    {
        get
        {
            lock (gate)
                return waiting.EnsureCapacity(0);
        }
    }

    /// <summary>Pieces that wait.</summary>
    public int Count
    {
        get
        {
            lock (gate)
                return waiting.Count;
        }
    }

    /// <summary>Nothing happens once adding is complete.</summary>
    /// <param name="piece">What.</param>
    /// <param name="attempt">How often it was tried before.</param>
    public void Add(CodeToLearn piece, int attempt)
    {
        lock (gate)
        {
            if (isComplete)
                return;
            waiting.Enqueue((piece, attempt));
            Monitor.Pulse(gate);
        }
    }

    /// <summary>Whoever waits is let go; what is here can still be taken.</summary>
    public void CompleteAdding()
    {
        lock (gate)
        {
            isComplete = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Whoever waits, now or next, is let go once.</summary>
    public void Wake()
    {
        lock (gate)
        {
            isWoken = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <param name="next">The one that was added first.</param>
    /// <param name="patience">How long to wait until there is one, adding is complete, or <see cref="Wake"/> is called.</param>
    /// <returns>Whether there was one.</returns>
    public bool TryTake(out (CodeToLearn Code, int Attempt) next, TimeSpan patience)
    {
        lock (gate)
        {
            while (patience != TimeSpan.Zero && waiting.Count == 0 && !isComplete && !isWoken && Monitor.Wait(gate, patience))
            {
            }
            isWoken &= patience == TimeSpan.Zero;
            if (!waiting.TryDequeue(out next))
                return false;
            if (waiting.Count == 0 && waiting.EnsureCapacity(0) > Least)
                waiting.TrimExcess(Least);
            return true;
        }
    }
}
