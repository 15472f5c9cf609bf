using DotnetPprof.Serve;
using Microsoft.Extensions.Logging;

namespace DotnetPprof.Upload;

/// <summary>Uploads windows to one receiver: puts them into a queue on disk, which is emptied meanwhile.</summary>
internal sealed class UploadSink : IWindowSink, IDisposable
{
    /// <summary>For what is left at the end of the program.</summary>
    private static readonly TimeSpan LastPatience = TimeSpan.FromSeconds(5);

    private readonly IUploadFormat format;
    private readonly IUploadClient client;
    private readonly UploadQueue queue;
    private readonly Uploader uploader;
    private readonly ProfileOrigins origins = new();
    private readonly CancellationTokenSource stop = new();
    private readonly Task running;
    private long empty;

    /// <param name="name">See <see cref="IWindowSink.Name"/>.</param>
    /// <param name="format">How the receiver wants windows.</param>
    /// <param name="client">The receiver; disposed with this.</param>
    /// <param name="queue">Where they wait; disposed with this.</param>
    /// <param name="log">Told of losses, and when uploads begin to fail.</param>
    public UploadSink(string name, IUploadFormat format, IUploadClient client, UploadQueue queue, ILogger log)
    {
        Name = name;
        this.format = format;
        this.client = client;
        this.queue = queue;
        uploader = new Uploader(queue, client, log);
        running = Task.Run(() => uploader.RunAsync(stop.Token));
    }

    public string Name { get; }

    public bool TakesTimes => format.TakesTimes;

    /// <summary>A window without anything in it is delivered by being taken.</summary>
    public SinkAccount Account
    {
        get
        {
            UploadAccount uploads = queue.Account;
            var dropped = uploads.Dropped.Where(reason => reason.Value > 0).ToDictionary(reason => Words(reason.Key), reason => reason.Value);
            return new SinkAccount(uploads.Delivered + Interlocked.Read(ref empty), uploads.Queued, dropped)
            {
                Recovered = uploads.Recovered,
                QueuedBytes = uploads.QueuedBytes,
                Retries = uploads.Retries,
            };
        }
    }

    public Task TakeAsync(FinishedWindow window)
    {
        IReadOnlyList<byte[]> messages = format.Encode(window.Profile, origins.Of(window.Process));
        if (messages.Count == 0)
            Interlocked.Increment(ref empty);
        else
            queue.Add(messages);
        return Task.CompletedTask;
    }

    /// <summary>After the last window: tries once more to be rid of what waits. The rest is on disk for the next start.</summary>
    public void Dispose()
    {
        stop.Cancel();
        running.Wait();
        using (var limit = new CancellationTokenSource(LastPatience))
            uploader.FinishAsync(limit.Token).Wait();
        client.Dispose();
        queue.Dispose();
        stop.Dispose();
    }

    private static string Words(DropReason reason) => reason switch
    {
        DropReason.QueueFull => "queue full",
        DropReason.TooLarge => "too large",
        DropReason.Rejected => "rejected",
        _ => "disk",
    };
}
