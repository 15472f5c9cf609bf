using Microsoft.Diagnostics.Tracing;

namespace DotnetPprof.Symbolize;

/// <summary>An event's payload where the library has it: its own way to the bytes copies them, and there are thousands.</summary>
internal static unsafe class EventBytes
{
    /// <returns>Valid until the event's handlers return; empty where the event says that it is shorter than nothing.</returns>
    public static ReadOnlySpan<byte> Of(TraceEvent e) => new((void*)e.DataStart, Math.Max(0, e.EventDataLength));
}
