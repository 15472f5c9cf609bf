using System.Diagnostics;
using DotnetPprof.Session;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DotnetPprof.Serve;

/// <summary>Finds processes, has each of them sampled, and hands their windows to the sinks.</summary>
internal sealed class Supervisor : BackgroundService
{
    private const int AttachedAtOnce = 4;
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
        turns.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        /* Set before the web server waits for its requests, some of which wait for windows that end with this. */
        CancellationToken stopping = lifetime.ApplicationStopping;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                Look(stopping);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                log.LogWarning("processes could not be listed: {Error}", e.Message);
            }
            IsReady = true;
            heap.Tend(elapsed.Elapsed, endedSoFar);
            await Task.Delay(s_scanInterval, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await Task.WhenAll(entries.Select(entry => entry.Run)).ConfigureAwait(false);
        await Task.WhenAll(sinks.Select(sink => sink.FinishAsync(s_sinkPatience))).ConfigureAwait(false);
    }

    private void Look(CancellationToken stopping)
    {
        foreach ((int pid, ulong startTime) in scan.Next(elapsed.Elapsed))
        {
            if (ProcessDescription.Of(pid, startTime) is not { } process || !options.Wants(process))
                continue;
            var target = new ServedTarget(process, options, captures, turns, Hand, log);
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
