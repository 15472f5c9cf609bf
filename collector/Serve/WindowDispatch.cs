using System.Threading.Channels;
using DotnetPprof.Model;
using Microsoft.Extensions.Logging;

namespace DotnetPprof.Serve;

/// <summary>
/// Hands finished windows to a sink, one after another, on a task of its own: sampling never waits for a disk or a
/// network.
/// </summary>
internal sealed class WindowDispatch : IDisposable
{
    /// <summary>Some megabytes at a few dozen processes, whose windows all end at once.</summary>
    internal const int MostWaiting = 256;

    /// <summary>What all that wait may weigh, see <see cref="WeightOf"/>: 100 MB. More than a busy machine samples in a minute.</summary>
    internal const long MostWeight = 1 << 21;

    /// <summary>A sum has a stack of its own, some 200 bytes; a sample with its time shares one, and has 48.</summary>
    private const long SumWeight = 4;

    private static readonly TimeSpan s_tendInterval = TimeSpan.FromMinutes(1);

    private readonly IWindowSink sink;
    private readonly ILogger log;
    private readonly TimeSpan tendInterval;
    private readonly long mostWeight;
    private readonly Channel<(FinishedWindow Window, long Weight)> waiting;
    private readonly Task worker;
    private readonly Lock gate = new();

    /* Guarded by the lock, all of them: windows move from one to the next while somebody adds them up. */
    private long weight;
    private long given;
    private long overflowed;
    private long handed;
    private long failed;
    private long left;

    /// <summary>When nothing more is handed over, in the milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    private long end = long.MaxValue;

    /// <param name="sink">Where windows go; not disposed with this.</param>
    /// <param name="log">Told of windows that are lost.</param>
    /// <param name="tendInterval">How often the sink is tended; a minute but in tests.</param>
    /// <param name="mostWeight">See <see cref="MostWeight"/>.</param>
    public WindowDispatch(IWindowSink sink, ILogger log, TimeSpan? tendInterval = null, long mostWeight = MostWeight)
    {
        this.sink = sink;
        this.log = log;
        this.tendInterval = tendInterval ?? s_tendInterval;
        this.mostWeight = mostWeight;
        waiting = Channel.CreateBounded<(FinishedWindow Window, long Weight)>(
            new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropOldest },
            Overflow);
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
                Add(dropped, "no time left", left);
                return own with { Given = given, Queued = own.Queued + waiting.Reader.Count + underWay, Dropped = dropped };
            }
        }
    }

    public void Add(FinishedWindow window)
    {
        if (!sink.TakesTimes)
            window = window with { Profile = window.Profile with { Timed = null } };
        long more = WeightOf(window.Profile);
        lock (gate)
        {
            /* The oldest is dropped in there where there is no room; after the end nothing is taken. */
            if (!waiting.Writer.TryWrite((window, more)))
                return;
            given++;
            weight += more;
            while (weight > mostWeight && waiting.Reader.Count > 1 && waiting.Reader.TryRead(out (FinishedWindow, long) oldest))
                Overflow(oldest);
        }
    }

    /// <summary>See <see cref="IWindowSink.Begin"/>.</summary>
    public void Begin() => sink.Begin();

    /// <summary>Hands over what waits, for as long as <paramref name="patience"/> allows; no window is to come after this.</summary>
    public async Task FinishAsync(TimeSpan patience)
    {
        EndIn(patience);
        await worker.ConfigureAwait(false);
        long lost;
        lock (gate)
        {
            while (waiting.Reader.TryRead(out _))
                left++;
            lost = left;
        }
        if (lost == 0)
            sink.Complete();
        else
            log.LogError("{Count} windows are lost to {Sink}: no time was left for them", lost, sink.Name);
    }

    /// <summary>Nothing more is handed over but what is under way.</summary>
    public void Dispose() => EndIn(TimeSpan.Zero);

    private void EndIn(TimeSpan patience)
    {
        Volatile.Write(ref end, Math.Min(Volatile.Read(ref end), Environment.TickCount64 + (long)patience.TotalMilliseconds));
        waiting.Writer.TryComplete();
    }

    private async Task Work()
    {
        while (await IsThereMore().ConfigureAwait(false) && Environment.TickCount64 < Volatile.Read(ref end))
        {
            FinishedWindow window;
            lock (gate)
            {
                if (!waiting.Reader.TryRead(out (FinishedWindow Window, long Weight) next))
                    continue;
                window = next.Window;
                weight -= next.Weight;
                handed++;
            }
            try
            {
                await sink.TakeAsync(window).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                lock (gate)
                    failed++;
                log.LogError("a window of {Service} ({Pid}) was lost by {Sink}: {Error}", window.Process.Service, window.Process.Pid, sink.Name, e.Message);
            }
        }
    }

    /// <summary>Waits for a window; false when none comes any more.</summary>
    private async Task<bool> IsThereMore()
    {
        Task<bool> more = waiting.Reader.WaitToReadAsync().AsTask();
        while (true)
        {
            await ((Task)more).WaitAsync(tendInterval).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (more.IsCompleted)
                return await more.ConfigureAwait(false);
            try
            {
                sink.Tend();
            }
            catch (Exception e)
            {
                log.LogWarning("{Sink}: {Error}", sink.Name, e.Message);
            }
        }
    }

    /// <summary>With the lock.</summary>
    private void Overflow((FinishedWindow Window, long Weight) oldest)
    {
        overflowed++;
        weight -= oldest.Weight;
    }

    /// <summary>In samples with their times.</summary>
    private static long WeightOf(Profile profile) =>
        SumWeight * profile.Samples.Count + (profile.Timed is IReadOnlyCollection<ProfileSample> timed ? timed.Count : 0);

    private static void Add(Dictionary<string, long> counts, string reason, long count)
    {
        if (count > 0)
            counts[reason] = counts.GetValueOrDefault(reason) + count;
    }
}
