using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>Who sends events that are read here.</summary>
internal enum EventProvider
{
    /// <summary>Nobody that is known.</summary>
    Other,

    /// <summary>Microsoft-Windows-DotNETRuntime.</summary>
    Runtime,

    /// <summary>Microsoft-Windows-DotNETRuntimeRundown.</summary>
    Rundown,

    /// <summary>Microsoft-Windows-DotNETRuntimePrivate.</summary>
    Private,
}

/// <summary>Which event it is, by its provider's manifest.</summary>
internal readonly record struct EventKind(EventProvider Provider, int Id, int Version);

/// <summary>An event of a runtime.</summary>
/// <param name="kind">Which.</param>
/// <param name="time">On CLOCK_MONOTONIC: what EventPipe stamps events with on Linux.</param>
/// <param name="data">Its payload; valid until the reader returns.</param>
internal readonly ref struct RuntimeEvent(EventKind kind, MonotonicNanos time, ReadOnlySpan<byte> data)
{
    public readonly EventKind Kind = kind;
    public readonly MonotonicNanos Time = time;
    public readonly ReadOnlySpan<byte> Data = data;
}

/// <summary>Called with one event after another.</summary>
internal delegate void RuntimeEventReader(in RuntimeEvent e);
