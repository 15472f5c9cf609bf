using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;

namespace DotnetPprof.Symbolize;

/// <summary>Reads one EventPipe session on a thread of its own, until the session or the target ends.</summary>
internal sealed class EventPipeReader
{
    private readonly EventPipeSession session;
    private readonly EventIntake intake;
    private readonly Thread thread;
    private volatile bool abandoned;

    public EventPipeReader(EventPipeSession session, EventIntake intake, bool isStream)
    {
        this.session = session;
        this.intake = intake;

        // A background thread: one that a hung target never answers must not keep this process alive.
        thread = new Thread(Read) { IsBackground = true, Name = isStream ? "method events" : "method rundown" };
        thread.Start();
    }

    /// <summary>Ends the session, waits until its last event is read, and gives up at the deadline.</summary>
    public void Stop(Deadline deadline)
    {
        using (var cancel = new CancellationTokenSource())
        {
            Task stopping = Task.Run(() => session.StopAsync(cancel.Token));
            try
            {
                // The answer comes when the rundown is done; the reader drains it meanwhile.
                if (!stopping.Wait(deadline.Left)) cancel.Cancel();
            }
            catch (AggregateException)
            {
                // The target is gone or going: what it has sent is read all the same.
            }

            _ = stopping.ContinueWith(late => late.Exception, TaskContinuationOptions.OnlyOnFaulted);
        }

        if (!thread.Join(deadline.Left))
            intake.Warn($"the {thread.Name} did not end in time: the target's diagnostic port hangs; some methods may stay unnamed");
        abandoned = true;
        session.Dispose();
    }

    private void Read()
    {
        EventPipeEventSource? source = null;
        var stream = new NettraceStream(session.EventStream);
        try
        {
            source = new EventPipeEventSource(stream);
            source.AllEvents += new BodyEvents(intake).Read;
            source.Process();
        }
        catch (Exception e) when (abandoned || e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The stream broke off: the target died, or we closed it.
        }
        catch (FormatException) when (!stream.HasBegun)
        {
            // It broke off before it began: TraceEvent's word for a target that died early.
        }
        catch (Exception e)
        {
            intake.Warn($"the {thread.Name} could not be read to their end: {e.Message}; some methods may stay unnamed");
        }

        if (source is { EventsLost: > 0 }) intake.Warn($"{source.EventsLost} of the {thread.Name} were lost; some methods may stay unnamed");
        source?.Dispose();
    }
}
