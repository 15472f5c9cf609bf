using Microsoft.Extensions.Logging;

namespace DotnetPprof.Upload;

/// <summary>Empties a queue into its receiver, one request at a time, for as long as the program runs.</summary>
/// <param name="queue">What waits.</param>
/// <param name="client">The receiver.</param>
/// <param name="log">Told when the receiver begins to fail and when it is back, not of every failure.</param>
/// <param name="wait">Waits between attempts; Task.Delay but in tests.</param>
internal sealed class Uploader(UploadQueue queue, IUploadClient client, ILogger log, Func<TimeSpan, CancellationToken, Task>? wait = null)
{
    private readonly Func<TimeSpan, CancellationToken, Task> wait = wait ?? Task.Delay;
    private readonly Backoff backoff = new(Random.Shared);
    private string? failure;

    /// <summary>Returns when it is cancelled. What was not delivered by then stays in the queue.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            for (long last = 0; ;)
            {
                if (queue.Take(last) is not { } window)
                {
                    await queue.WaitAsync(stop).ConfigureAwait(false);
                    continue;
                }
                last = window.Sequence;
                if (await SendAsync(window, stop).ConfigureAwait(false) is { } pause)
                    await wait(pause, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    /// <summary>Tries what waits once more, the oldest first, until something fails or it is cancelled.</summary>
    public async Task FinishAsync(CancellationToken stop)
    {
        try
        {
            while (queue.Take(0) is { } window && await SendAsync(window, stop).ConfigureAwait(false) is null)
            {
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    /// <returns>How long to wait before anything else is sent; null for not at all.</returns>
    private async Task<TimeSpan?> SendAsync(QueuedWindow window, CancellationToken stop)
    {
        if (queue.Read(window) is not { } messages)
            return null;
        while (window.PartsDone < messages.Count)
        {
            UploadOutcome outcome = await client.SendAsync(messages[window.PartsDone], stop).ConfigureAwait(false);
            switch (outcome.Result)
            {
                case UploadResult.Delivered:
                    if (outcome.Reason.Length > 0)
                        log.LogWarning("The receiver says: {Warning}", outcome.Reason);
                    window.PartsDone++;
                    Recovered();
                    break;
                case UploadResult.Rejected:
                    queue.Drop(window, DropReason.Rejected, outcome.Reason);
                    Recovered();
                    return null;
                default:
                    queue.Keep(window);
                    if (failure is null)
                        log.LogWarning("Uploads fail and will be tried again: {Reason}", outcome.Reason);
                    failure = outcome.Reason;
                    return backoff.Next(outcome.RetryAfter);
            }
        }
        queue.Delivered(window);
        return null;
    }

    /// <summary>It has answered.</summary>
    private void Recovered()
    {
        if (failure is not null)
            log.LogInformation("Uploads work again");
        failure = null;
        backoff.Reset();
    }
}
