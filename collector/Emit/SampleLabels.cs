namespace DotnetPprof.Emit;

/// <summary>The labels that samples carry in a pprof message, by the names their readers know.</summary>
/// <param name="ThreadId">Null where threads are not told apart by their ids.</param>
/// <param name="ThreadName">For threads that have a name.</param>
/// <param name="EndTimestamp">
/// A number without a unit: nanoseconds since 1970-01-01T00:00:00Z. Null where times are not kept.
/// </param>
internal sealed record SampleLabels(string? ThreadId, string ThreadName, string? EndTimestamp)
{
    /// <summary>Datadog's keys and, as Datadog's .NET and Node.js profilers write them, strings for threads.</summary>
    public static SampleLabels OfFiles { get; } = new("thread id", "thread name", "end_timestamp_ns");
}
