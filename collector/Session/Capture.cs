using System.Diagnostics;
using DotnetPprof.Aggregate;
using DotnetPprof.Clock;
using DotnetPprof.Drain;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Session;

/// <summary>
/// One capture: a thread of its own drains the region until the end, through the stages in their order: rings,
/// clock, aggregation. Names are given at the end, when all code events are in.
/// </summary>
internal sealed class Capture : ICapture
{
    private const double FullEnough = 0.25;
    private static readonly TimeSpan s_drainInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_hurriedInterval = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_mapsInterval = TimeSpan.FromSeconds(1);

    private readonly CaptureOptions options;
    private readonly CaptureTarget target;
    private readonly MappedRegion mapped;
    private readonly RegionView region;
    private readonly OwnerLease lease;
    private readonly AgentControl control;
    private readonly TickMap clock;
    private readonly SampleAggregator aggregator;
    private readonly RegionDrain drain;
    private readonly Stopwatch elapsed = new();
    private readonly TaskCompletionSource<CaptureEnd> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim stopping = new();
    private readonly Thread drainer;
    private ulong anchorsTaken;
    private Ticks newestAnchor;
    private long progressSamples;
    private double progressRate;
    private Exception? drainError;

    private Capture(CaptureOptions options, CaptureTarget target, MappedRegion mapped, OwnerLease lease, AgentControl control)
    {
        this.options = options;
        this.target = target;
        this.mapped = mapped;
        this.lease = lease;
        this.control = control;
        region = mapped.View;
        clock = new TickMap(nominalHz: 1_000_000_000);
        aggregator = new SampleAggregator(options.Timestamps, clock, new CodeGenerations(target.Events.Code));
        drain = new RegionDrain(region, region.Rings(region.Control.RingCount, region.Control.RingRecords), new ModuleWatch(target.Modules, aggregator));
        drainer = new Thread(DrainUntilStopped) { Name = "drain", IsBackground = true };
    }

    public CaptureProgress Progress => new(
        elapsed.Elapsed,
        Interlocked.Read(ref progressSamples),
        (long)(region.Counter(Counter.LostRingFull) + region.Counter(Counter.LostStoreFull)),
        Volatile.Read(ref progressRate));

    public Task<CaptureEnd> Ended => ended.Task;

    /// <summary>Takes the lease and has the agent sample. Owns the target and the region from here on, also when it throws.</summary>
    public static Capture Start(CaptureOptions options, CaptureTarget target, MappedRegion mapped)
    {
        OwnerLease? lease = null;
        try
        {
            lease = OwnerLease.Take(mapped.View, options.Pid);
            var control = new AgentControl(mapped.View, options.Pid);
            control.Start(options.RateHz);
            target.Modules.Refresh();
            var capture = new Capture(options, target, mapped, lease, control);
            capture.elapsed.Start();
            capture.drainer.Start();
            return capture;
        }
        catch (Exception e)
        {
            lease?.Dispose();
            mapped.Dispose();
            target.Dispose();
            if (e is RegionFormatException)
                throw new UserError(ExitCode.SessionCreation, $"process {options.Pid}: {e.Message}");
            throw;
        }
    }

    public CaptureResult Finish()
    {
        bool answered = target.IsRunning && lease.Held && control.Stop();
        elapsed.Stop();
        stopping.Set();
        drainer.Join();
        if (drainError is { } error)
            throw new UserError(ExitCode.Tracing, $"the samples of process {options.Pid} could not be read: {error.Message}");
        DrainOnce();
        drain.Finish();
        target.FinishSymbols();
        return new CaptureReport(options, target, region, clock, aggregator, drain, newestAnchor, answered).Build();
    }

    public void Dispose()
    {
        if (drainer.IsAlive)
        {
            stopping.Set();
            drainer.Join();
        }
        if (target.IsRunning && lease.Held && (AgentState)region.Control.State == AgentState.Sampling)
            control.Stop();
        lease.Dispose();
        mapped.Dispose();
        target.Dispose();
        stopping.Dispose();
    }

    private void DrainUntilStopped()
    {
        try
        {
            var sinceMaps = Stopwatch.StartNew();
            var sinceRate = Stopwatch.StartNew();
            long samplesAtRate = 0;
            TimeSpan interval = s_drainInterval;
            while (!stopping.Wait(interval))
            {
                interval = DrainOnce() > FullEnough ? s_hurriedInterval : s_drainInterval;
                if (sinceRate.Elapsed >= TimeSpan.FromSeconds(1))
                {
                    Volatile.Write(ref progressRate, (aggregator.Samples - samplesAtRate) / sinceRate.Elapsed.TotalSeconds);
                    samplesAtRate = aggregator.Samples;
                    sinceRate.Restart();
                }
                if (!target.IsRunning)
                {
                    ended.TrySetResult(CaptureEnd.TargetExited);
                    return;
                }
                if (!lease.Held)
                {
                    ended.TrySetResult(CaptureEnd.LeaseLost);
                    return;
                }
                if (sinceMaps.Elapsed >= s_mapsInterval)
                {
                    target.Modules.Refresh();
                    sinceMaps.Restart();
                }
            }
        }
        catch (Exception e)
        {
            drainError = e;
            ended.TrySetResult(CaptureEnd.LeaseLost);
        }
    }

    private double DrainOnce()
    {
        TakeAnchors();
        double fullest = drain.Drain();
        aggregator.Advance(new MonotonicNanos(RegionInterop.MonotonicNow()));
        Interlocked.Exchange(ref progressSamples, aggregator.Samples);
        return fullest;
    }

    private void TakeAnchors()
    {
        ulong count = Volatile.Read(ref region.Control.AnchorCount);
        if (anchorsTaken == 0 || count - anchorsTaken > region.AnchorCapacity)
        {
            /* The session's first anchor is the last one before its start; what was overwritten is gone. */
            anchorsTaken = count - Math.Min(count, anchorsTaken == 0 ? SessionAnchors(count) : region.AnchorCapacity / 2);
        }
        for (; anchorsTaken < count; anchorsTaken++)
        {
            RegionAnchor anchor = region.Anchor(anchorsTaken);
            newestAnchor = new Ticks(anchor.TicksAfter);
            clock.Add(new ClockAnchor(
                new Ticks(anchor.TicksBefore),
                new Ticks(anchor.TicksAfter),
                new UnixNanos(anchor.RealtimeNs),
                new MonotonicNanos(anchor.MonotonicNs)));
        }
    }

    /// <summary>How many of the newest anchors belong to this session.</summary>
    private ulong SessionAnchors(ulong count)
    {
        ulong start = region.Control.StartTicks;
        ulong most = Math.Min(count, region.AnchorCapacity);
        for (ulong back = 1; back <= most; back++)
        {
            if (region.Anchor(count - back).TicksBefore <= start)
                return back;
        }
        return most;
    }
}
