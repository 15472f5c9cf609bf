namespace DotnetPprof.Serve;

/// <summary>
/// Where the always-on windows go: files, and whatever else keeps profiles. A sink never slows down sampling: it is
/// called on its own, one window after another, and when it falls too far behind the oldest windows that wait for it
/// are dropped and counted (<see cref="WindowDispatch"/>).
/// </summary>
internal interface IWindowSink
{
    /// <summary>As metrics and log lines call it: one lower-case word.</summary>
    string Name { get; }

    /// <summary>Whether it is to be given samples with their times, which take much memory where windows wait.</summary>
    bool TakesTimes => false;

    /// <summary>What became of the windows it was given so far. Asked at any time, on any thread.</summary>
    SinkAccount Account { get; }

    /// <summary>
    /// Takes a window. What goes wrong is the sink's to count and to log; an exception is logged and counted as a window
    /// dropped.
    /// </summary>
    /// <param name="window">May be kept.</param>
    Task TakeAsync(FinishedWindow window);

    /// <summary>Windows are being sampled from now on: one that is not taken is lost. May be called again.</summary>
    void Begin()
    {
    }

    /// <summary>The last window was taken; not called where time ran out before that.</summary>
    void Complete()
    {
    }

    /// <summary>For what is to be done now and again. Called every minute without a window, and never beside <see cref="TakeAsync"/>.</summary>
    void Tend()
    {
    }
}

/// <summary>Windows given + recovered = delivered + queued + all dropped.</summary>
/// <param name="Delivered">Written, uploaded, or whatever the sink is there for.</param>
/// <param name="Queued">Taken, and not yet delivered.</param>
/// <param name="Dropped">By reason, in a few lower-case words.</param>
internal sealed record SinkAccount(long Delivered, long Queued, IReadOnlyDictionary<string, long> Dropped)
{
    /// <summary>Windows that an earlier run of this program had taken and not delivered.</summary>
    public long Recovered { get; init; }

    /// <summary>Windows that this run has given to the sink; only known of a sink that something gives to.</summary>
    public long Given { get; init; }

    /// <summary>What is queued, in bytes on disk.</summary>
    public long QueuedBytes { get; init; }

    /// <summary>Attempts to deliver that failed and were, or will be, made again.</summary>
    public long Retries { get; init; }
}
