using System.Globalization;
using DotnetPprof.Region;

namespace DotnetPprof.Agent.Clock;

/// <summary>What the probes of one clock source have shown.</summary>
/// <param name="Clock">How to read it; nothing to be read when it has failed.</param>
/// <param name="ReadNs">Nanoseconds that a read takes.</param>
/// <param name="Text">For people: that it passed and what a read costs, or why it failed.</param>
/// <param name="Passed">Whether it may be used.</param>
internal readonly record struct ClockVerdict(RawClock Clock, double ReadNs, string Text, bool Passed)
{
    internal ClockKind Kind => Clock.Kind;

    internal static ClockVerdict Pass(RawClock clock, double readNs, string note) =>
        new(clock, readNs, string.Create(CultureInfo.InvariantCulture, $"passed, {readNs:0.0} ns a read{note}"), true);

    internal static unsafe ClockVerdict Fail(ClockKind kind, string reason) =>
        new(new RawClock(kind, null), double.PositiveInfinity, "failed: " + reason, false);
}
