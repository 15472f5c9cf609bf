using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace DotnetPprof.Serve;

/// <summary>
/// Hands finished windows to a sink, one after another, on a task of its own: sampling never waits for a disk or a
/// network.
/// </summary>
internal sealed class WindowDispatch : IAsyncDisposable
{
    /// <summary>Some megabytes at a few dozen processes, whose windows all end at once.</summary>
    internal const int MostWaiting = 256;

    private readonly IWindowSink sink;
    private readonly ILogger log;
    private readonly Channel<FinishedWindow> waiting;
    private readonly CancellationTokenSource stopping = new();
    private readonly Task worker;
    private readonly Lock gate = new();

    /* Guarded by the lock, all of them: windows move from one to the next while somebody adds them up. */
    private long given;
    private long overflowed;
    private long handed;
    private long failed;

    public WindowDispatch(IWindowSink sink, ILogger log)
    {
        this.sink = sink;
        this.log = log;
        waiting = Channel.CreateBounded<FinishedWindow>(
            new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => overflowed++);
        worker = Task.Run(Work);
    }

    public string Name => sink.Name;

    /// <summary>The sink's own account, and what never got as far as the sink.</summary>
    public SinkAccount Account
    {
        get
        {
            lock (gate)
            {
                SinkAccount own = sink.Account;
                /* What was handed over and is not in the sink's account yet is in its hands just now. */
                long underWay = handed - failed - (own.Delivered + own.Queued + own.Dropped.Values.Sum() - own.Recovered);
                var dropped = new Dictionary<string, long>(own.Dropped);
                Add(dropped, "sink too slow", overflowed);
                Add(dropped, "error", failed);
                return own with { Given = given, Queued = own.Queued + waiting.Reader.Count + underWay, Dropped = dropped };
            }
        }
    }

    public void Add(FinishedWindow window)
    {
        lock (gate)
        {
            /* The oldest is dropped in there where there is no room; after the end nothing is taken. */
            if (waiting.Writer.TryWrite(window))
                given++;
        }
    }

    /// <summary>Hands over what waits, for as long as <paramref name="patience"/> allows.</summary>
    public async Task FinishAsync(TimeSpan patience)
    {
        waiting.Writer.TryComplete();
        stopping.CancelAfter(patience);
        await worker.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await FinishAsync(TimeSpan.Zero).ConfigureAwait(false);
        stopping.Dispose();
    }

    private async Task Work()
    {
        while (await waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            FinishedWindow? window;
            lock (gate)
            {
                if (!waiting.Reader.TryRead(out window))
                    continue;
                handed++;
            }
            try
            {
                await sink.TakeAsync(window, stopping.Token).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                lock (gate)
                    failed++;
                log.LogError("a window of {Service} ({Pid}) was lost by {Sink}: {Error}", window.Process.Service, window.Process.Pid, sink.Name, e.Message);
            }
        }
    }

    private static void Add(Dictionary<string, long> counts, string reason, long count)
    {
        if (count > 0)
            counts[reason] = counts.GetValueOrDefault(reason) + count;
    }
}
