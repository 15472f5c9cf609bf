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
    private readonly SessionAccount session;
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
    private bool stopWasAsked;

    private Capture(CaptureOptions options, CaptureTarget target, MappedRegion mapped, OwnerLease lease, AgentControl control)
    {
        this.options = options;
        this.target = target;
        this.mapped = mapped;
        this.lease = lease;
        this.control = control;
        region = mapped.View;
        session = new SessionAccount(region);
        anchorsTaken = session.Control.StartAnchor;
        clock = new TickMap(session.Control.ClockHz);
        aggregator = new SampleAggregator(options.Timestamps, clock, new CodeGenerations(target.Events.Code), options.SpillDirectory);
        drain = new RegionDrain(region, region.Rings(region.Control.RingCount, region.Control.RingRecords), new ModuleWatch(target.Modules, aggregator));
        drainer = new Thread(DrainUntilStopped) { Name = "drain", IsBackground = true };
    }

    public CaptureProgress Progress => new(
        elapsed.Elapsed,
        Interlocked.Read(ref progressSamples),
        (long)(session.Counter(Counter.LostRingFull) + session.Counter(Counter.LostStoreFull)),
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
            control.Start(options);
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
        string? endWarning = StopAgent(out bool answers);
        elapsed.Stop();
        stopping.Set();
        drainer.Join();
        if (drainError is { } error)
            throw new UserError(ExitCode.Tracing, $"the samples of process {options.Pid} could not be read: {error.Message}");
        if (IsOurs)
            DrainOnce();
        drain.Finish();
        target.FinishSymbols(answers);
        return new CaptureReport(options, target, region, session, clock, aggregator, drain, newestAnchor, !answers && endWarning is null, endWarning).Build();
    }

    public void Dispose()
    {
        if (drainer.IsAlive)
        {
            stopping.Set();
            drainer.Join();
        }
        if (!stopWasAsked)
            StopAgent(out _);
        lease.Dispose();
        mapped.Dispose();
        target.Dispose();
        aggregator.Dispose();
        stopping.Dispose();
    }

    /// <summary>Whether the rings are still this capture's: a collector that was not heard of for long loses them.</summary>
    private bool IsOurs => lease.Held && session.IsCurrent;

    /// <param name="answers">Whether the process may be asked for more.</param>
    /// <returns>What kept the agent of a living target from stopping in good order, or null.</returns>
    private string? StopAgent(out bool answers)
    {
        stopWasAsked = true;
        answers = target.IsRunning;
        if (!answers)
            return null;
        if (!IsOurs)
            return "the agent had not heard of this collector for 3 s and stopped sampling; what it had not handed over is missing";
        if (region.Failed)
            return $"the agent stopped sampling: {region.Error}";
        if (control.Stop())
            return null;
        answers = false;
        return target.IsRunning ? $"process {options.Pid} does not answer, its last moments are missing; is the process stopped?" : null;
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
                /* Before the rings are touched: they may be another collector's by now. */
                if (!IsOurs || region.Failed)
                {
                    ended.TrySetResult(CaptureEnd.LeaseLost);
                    return;
                }
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
        session.Refresh();
        aggregator.Advance(new MonotonicNanos(RegionInterop.MonotonicNow()));
        Interlocked.Exchange(ref progressSamples, aggregator.Samples);
        return fullest;
    }

    private void TakeAnchors()
    {
        ulong count = Volatile.Read(ref region.Control.AnchorCount);
        if (count - anchorsTaken > region.AnchorCapacity)
            anchorsTaken = count - Math.Min(count, region.AnchorCapacity / 2); /* what was overwritten is gone */
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
}
