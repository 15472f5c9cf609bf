namespace DotnetPprof.Symbolize;

/// <summary>
/// Reads one EventPipe session until the session or the target ends. Without a thread of its own: there is one of these for
/// each target, for ever, and hardly ever anything to read.
/// </summary>
internal sealed class EventPipeReader
{
    private const int ChunkBytes = 32 << 10;

    /// <summary>The runtime writes what it has every 100 ms; nothing in twice that time means it has nothing.</summary>
    private static readonly SharedDelay s_quiet = new(TimeSpan.FromMilliseconds(200));

    /// <summary>What it has it writes in small pieces, one for each thread: those that follow the first are read with it.</summary>
    private static readonly SharedDelay s_gather = new(TimeSpan.FromMilliseconds(20));

    /// <summary>
    /// Streams are read in turns, a chunk each, however much one sends: when fifty targets compile their code at once, one
    /// half of the machine is enough for what they tell, and what else there is to be done does not wait behind it.
    /// </summary>
    private static readonly TaskScheduler s_turns =
        new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, Math.Max(1, Environment.ProcessorCount / 2)).ConcurrentScheduler;

    private readonly Stream stream;
    private readonly Func<CancellationToken, Task> stop;
    private readonly IDisposable session;
    private readonly EventIntake intake;
    private readonly NettraceEvents events;
    private readonly NettraceParser parser;
    private readonly string what;
    private readonly Task reading;
    private volatile bool gathers;
    private volatile bool abandoned;

    /// <param name="stream">What the session sends.</param>
    /// <param name="stop">Asks the session to end.</param>
    /// <param name="session">Disposed at the end.</param>
    /// <param name="intake">Told of what was read.</param>
    /// <param name="isStream">Whether it goes on until it is stopped; else it is a rundown.</param>
    public EventPipeReader(Stream stream, Func<CancellationToken, Task> stop, IDisposable session, EventIntake intake, bool isStream)
    {
        this.stream = stream;
        this.stop = stop;
        this.session = session;
        this.intake = intake;

        gathers = isStream;
        what = isStream ? "method events" : "method rundown";
        events = new NettraceEvents(new BodyEvents(intake).Read, sorts: isStream);
        parser = new NettraceParser(events);
        reading = Task.Factory.StartNew(Read, CancellationToken.None, TaskCreationOptions.DenyChildAttach, s_turns).Unwrap();
    }

    /// <summary>Ends the session, waits until its last event is read, and gives up at the deadline.</summary>
    public void Stop(Deadline deadline)
    {
        gathers = false;
        using (var cancel = new CancellationTokenSource())
        {
            Task stopping = Task.Run(() => stop(cancel.Token));
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

        if (!reading.Wait(deadline.Left))
            intake.Warn($"the {what} did not end in time: the target's diagnostic port hangs; some methods may stay unnamed");
        abandoned = true;
        session.Dispose();
    }

    /// <summary>Goes on where it was begun, in its turn, after each wait.</summary>
    private async Task Read()
    {
        byte[] arrived = new byte[ChunkBytes];
        try
        {
            while (true)
            {
                int count;
                try
                {
                    ValueTask<int> next = stream.ReadAsync(arrived.AsMemory());
                    if (!next.IsCompleted && events.Holds)
                    {
                        Task<int> late = next.AsTask();
                        await Task.WhenAny(late, s_quiet.Wait()).ConfigureAwait(true);
                        if (!late.IsCompleted) parser.Flush();
                        count = await late.ConfigureAwait(true);
                    }
                    else
                    {
                        // Without a wait it would go on at once, and on, for as long as there is something to be read.
                        if (next.IsCompleted) await Task.Yield();
                        count = await next.ConfigureAwait(true);
                    }
                }
                catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
                {
                    // The target died, or we hung up: the end, whatever was being sent.
                    count = 0;
                }

                if (count <= 0) break;
                parser.Feed(arrived.AsSpan(0, count));
                if (gathers && count < ChunkBytes) await s_gather.Wait().ConfigureAwait(true);
            }

            parser.Flush();
        }
        catch (Exception) when (abandoned)
        {
        }
        catch (Exception e)
        {
            intake.Warn($"the {what} could not be read to their end: {e.Message}; some methods may stay unnamed");
        }
        finally
        {
            parser.Dispose();
        }

        if (events.Lost > 0) intake.Warn($"{events.Lost} of the {what} were lost; some methods may stay unnamed");
    }
}
