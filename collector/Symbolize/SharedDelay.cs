namespace DotnetPprof.Symbolize;

/// <summary>
/// A delay that many wait for at a time and that takes one timer for all of them, which stands still while nobody waits. For
/// those who do not care how long it is exactly: at least one period, at most two.
/// </summary>
internal sealed class SharedDelay : IDisposable
{
    private readonly Lock gate = new();
    private readonly TimeSpan period;
    private readonly Timer timer;

    /* Guarded by the lock. Who comes while a period is under way goes on at the end of the next. */
    private TaskCompletionSource? due;
    private TaskCompletionSource? later;

    public SharedDelay(TimeSpan period)
    {
        this.period = period;
        timer = new Timer(_ => EndPeriod());
    }

    /// <summary>Completes after one to two periods.</summary>
    public Task Wait()
    {
        lock (gate)
        {
            if (due is not null)
                return (later ??= New()).Task;
            /* The period begins with who comes first. */
            due = New();
            timer.Change(period, Timeout.InfiniteTimeSpan);
            return due.Task;
        }
    }

    public void Dispose() => timer.Dispose();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void EndPeriod()
    {
        TaskCompletionSource? over;
        lock (gate)
        {
            over = due;
            (due, later) = (later, null);
            if (due is not null)
                timer.Change(period, Timeout.InfiniteTimeSpan);
        }
        over?.SetResult();
    }
}
