namespace DotnetPprof.Upload;

/// <summary>Why a window was given up.</summary>
internal enum DropReason
{
    /// <summary>The queue was full, and it was the oldest.</summary>
    QueueFull,

    /// <summary>It is larger than the whole queue may be.</summary>
    TooLarge,

    /// <summary>The receiver did not want it, or a part of it.</summary>
    Rejected,

    /// <summary>It could not be written to the queue, or not be read from it.</summary>
    Disk,
}

/// <summary>
/// What became of windows: <c>Made + Recovered = Delivered + Queued + all Dropped</c>, at any moment.
/// </summary>
/// <param name="Made">Windows that this process gave to the queue.</param>
/// <param name="Recovered">Windows that an earlier process had left in it.</param>
/// <param name="Delivered">Windows that the receiver has, all parts of them.</param>
/// <param name="Queued">Windows that wait, one that is being sent included.</param>
/// <param name="QueuedBytes">What they take on disk, rounded up to blocks of 4 KiB.</param>
/// <param name="Dropped">By reason; reasons that never occurred are there with 0.</param>
/// <param name="Retries">Attempts that failed and were to be made again.</param>
internal sealed record UploadAccount(
    long Made, long Recovered, long Delivered, long Queued, long QueuedBytes, IReadOnlyDictionary<DropReason, long> Dropped, long Retries);
