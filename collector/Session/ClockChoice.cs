using DotnetPprof.Drain;
using DotnetPprof.Region;

namespace DotnetPprof.Session;

/// <summary>The clock of a session, in the agent's words.</summary>
/// <param name="Reason">Which one, and why.</param>
/// <param name="Others">Those not taken, each with what its probes said.</param>
internal sealed record ClockChoice(string Reason, IReadOnlyList<string> Others)
{
    /// <param name="control">Of a session that has started.</param>
    public static ClockChoice Of(in RegionControl control)
    {
        var others = new List<string>();
        foreach (ClockKind kind in Enum.GetValues<ClockKind>())
        {
            if (kind != ClockKind.Auto && (uint)kind != control.ClockKind && RegionView.ClockVerdict(control, kind) is { Length: > 0 } verdict)
                others.Add($"{ClockNames.Of(kind)}: {verdict}");
        }
        return new ClockChoice(RegionView.ClockVerdict(control, ClockKind.Auto), others);
    }
}
