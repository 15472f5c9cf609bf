using System.Diagnostics;
using DotnetPprof.Model;
using DotnetPprof.Session;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DotnetPprof.Serve;

/// <summary>Finds processes, has each of them sampled, and hands their windows to the sinks.</summary>
internal sealed class Supervisor : BackgroundService
{
    private const int AttachedAtOnce = 4;

    /// <summary>Different problems that are told, each once.</summary>
    private const int MostTold = 100;

    private static readonly TimeSpan s_scanInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_sinkPatience = TimeSpan.FromSeconds(10);

    /// <summary>How long one that has ended can still be seen.</summary>
    private static readonly TimeSpan s_remember = TimeSpan.FromMinutes(2);

    private readonly ServeOptions options;
    private readonly CaptureFactory captures;
    private readonly ProcessScan scan;
    private readonly List<WindowDispatch> sinks;
    private readonly IHostApplicationLifetime lifetime;
    private readonly ILogger<Supervisor> log;
    private readonly SemaphoreSlim turns = new(AttachedAtOnce);
    private readonly Lock gate = new();
    private readonly List<Entry> entries = [];
    private readonly HeapTrim heap = HeapTrim.OfProcess();
    private readonly Stopwatch elapsed = Stopwatch.StartNew();
    private readonly HashSet<string> told = [];
    private int endedSoFar;

    public Supervisor(
        ServeOptions options, CaptureFactory captures, IAgentProbe probe, IEnumerable<IWindowSink> sinks, IHostApplicationLifetime lifetime, ILogger<Supervisor> log)
    {
        this.options = options;
        this.captures = captures;
        this.lifetime = lifetime;
        this.log = log;
        scan = new ProcessScan(probe, options.AttachAll);
        this.sinks = [.. sinks.Select(sink => new WindowDispatch(sink, log))];
    }

    public IReadOnlyList<WindowDispatch> Sinks => sinks;

    /// <summary>Whether processes have been looked for at least once.</summary>
    public bool IsReady { get; private set; }

    /// <summary>All that are or were lately known, in order of their discovery.</summary>
    public IReadOnlyList<ServedTarget> Targets
    {
        get
        {
            lock (gate)
                return [.. entries.Select(entry => entry.Target)];
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (WindowDispatch sink in sinks)
            sink.Dispose();
        turns.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        /*
         * The first is set before the web server waits for its requests, some of which wait for windows that end with this;
         * where the program cannot start, only the second is.
         */
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping, stoppingToken);
        CancellationToken stopping = stop.Token;
        await Started(stopping).ConfigureAwait(false);
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                Look(stopping);
            }
            catch (Exception e)
            {
                /* Whatever it is, those that are sampled already are none the worse for it. */
                string problem = FileProblem.OneLine(e.Message);
                if (told.Count < MostTold && told.Add(problem))
                    log.LogWarning("new processes could not be looked for: {Error}", problem);
            }
            IsReady = true;
            heap.Tend(elapsed.Elapsed, endedSoFar);
            await Task.Delay(s_scanInterval, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        /* Whatever became of one target, what the others have sampled is to arrive. */
        await Task.WhenAll(entries.Select(entry => entry.Run)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(sinks.Select(Finish)).ConfigureAwait(false);
    }

    private async Task Finish(WindowDispatch sink)
    {
        try
        {
            await sink.FinishAsync(s_sinkPatience).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            log.LogError("{Sink}: {Error}", sink.Name, FileProblem.OneLine(e.Message));
        }
    }

    /// <summary>Until requests are answered: one that cannot listen must not have taken processes from another.</summary>
    private async Task Started(CancellationToken stopping)
    {
        /* What follows takes a while, and is not to run where the event is told of. */
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration started = lifetime.ApplicationStarted.Register(() => over.TrySetResult());
        using CancellationTokenRegistration stopped = stopping.Register(() => over.TrySetResult());
        await over.Task.ConfigureAwait(false);
    }

    private void Look(CancellationToken stopping)
    {
        foreach ((int pid, ulong startTime) in scan.Next(elapsed.Elapsed))
        {
            if (ProcessDescription.Of(pid, startTime) is not { } process || !options.Wants(process))
                continue;
            var target = new ServedTarget(process, options, captures, turns, Hand, log);
            foreach (WindowDispatch sink in sinks)
                sink.Begin();
            lock (gate)
                entries.Add(new Entry(target, Task.Run(() => target.RunAsync(stopping), CancellationToken.None)));
        }
        lock (gate)
        {
            foreach (Entry entry in entries.Where(entry => entry.EndedAt is null && entry.Run.IsCompleted))
            {
                entry.EndedAt = elapsed.Elapsed;
                endedSoFar++;
            }
            entries.RemoveAll(entry => entry.EndedAt is { } ended && elapsed.Elapsed - ended > s_remember);
        }
    }

    private void Hand(FinishedWindow window)
    {
        foreach (WindowDispatch sink in sinks)
            sink.Add(window);
    }

    private sealed record Entry(ServedTarget Target, Task Run)
    {
        public TimeSpan? EndedAt { get; set; }
    }
}
