using Microsoft.Diagnostics.Tracing;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Whether an event is as long as its fields: the library reads them where they should be, wherever the event ends. Shapes
/// are those of the runtime's ClrEtwAll.man; later versions add to the end of earlier ones.
/// </summary>
internal static class EventShape
{
    /// <summary>Method, module, start, 8 bytes each; size, token, flags, 4 each; three texts; 2 bytes, and from version 2 the native code's id, 8.</summary>
    public static bool IsMethod(TraceEvent e) => Holds(e, 36, texts: 3, e.Version < 2 ? 2 : 10);

    /// <summary>Module, assembly, 8 bytes each; flags and 4 bytes; two paths; 2 bytes, and from version 2 the PDB's id, 16, and age, 4.</summary>
    public static bool IsModule(TraceEvent e) => Holds(e, 24, texts: 2, e.Version < 2 ? 2 : 22);

    /// <summary>Method, 8 bytes; three texts; entry point, 8.</summary>
    public static bool IsEntryPoint(TraceEvent e) => Holds(e, 8, texts: 3, 8);

    private static bool Holds(TraceEvent e, int before, int texts, int after) => Holds(e.EventData(), before, texts, after);

    internal static bool Holds(ReadOnlySpan<byte> data, int before, int texts, int after)
    {
        int at = before;
        for (int text = 0; text < texts; text++)
        {
            // UTF-16 up to a zero.
            while (at + 2 <= data.Length && (data[at] | data[at + 1]) != 0) at += 2;
            at += 2;
        }

        return at + after <= data.Length;
    }
}
