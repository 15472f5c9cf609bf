using DotnetPprof.Clock;
using DotnetPprof.Model;

namespace DotnetPprof.Tests.Clock;

/// <summary>
/// A machine's clocks, in true time: nanoseconds since the first anchor. The counter runs at a fixed rate from any
/// value on; the system's clocks run at a rate that can be slewed, and the wall clock can be stepped.
/// </summary>
internal sealed class SimulatedClock(ulong hz, ulong ticksAtZero, int seed)
{
    private readonly Random random = new(seed);
    private readonly List<(long At, long Ppm)> slews = [];
    private readonly List<(long At, long Nanos)> steps = [];

    public const long RealtimeAtZero = 1_700_000_000_000_000_000;

    /// <summary>400 days.</summary>
    public const long MonotonicAtZero = 400L * 86_400 * 1_000_000_000;

    /// <summary>Brackets are up to this wide, in nanoseconds, and the readings lie anywhere inside.</summary>
    public int BracketNanos { get; init; } = 400;

    public void Slew(long at, long ppm) => slews.Add((at, ppm));

    public void Step(long at, long nanos) => steps.Add((at, nanos));

    public Ticks TicksAt(long time) => new(unchecked(ticksAtZero + (ulong)((Int128)time * hz / 1_000_000_000)));

    public long MonotonicAt(long time)
    {
        Int128 result = MonotonicAtZero + (Int128)time;
        for (int i = 0; i < slews.Count; i++)
        {
            long end = i + 1 < slews.Count ? Math.Min(time, slews[i + 1].At) : time;
            if (end > slews[i].At)
                result += (Int128)(end - slews[i].At) * slews[i].Ppm / 1_000_000;
        }
        return (long)result;
    }

    /// <summary>What CLOCK_REALTIME shows.</summary>
    public long RealtimeAt(long time) => UnsteppedAt(time) + steps.Where(s => s.At <= time).Sum(s => s.Nanos);

    /// <summary>What it would show without its steps, which is what the mapping promises.</summary>
    public long UnsteppedAt(long time) => RealtimeAtZero + (MonotonicAt(time) - MonotonicAtZero);

    public ClockAnchor AnchorAt(long time, long? bracket = null)
    {
        long width = bracket ?? random.Next(20, BracketNanos);
        long read = random.NextInt64(0, width + 1);
        return new ClockAnchor(
            TicksAt(time - read), TicksAt(time - read + width), new UnixNanos(RealtimeAt(time)), new MonotonicNanos(MonotonicAt(time)));
    }
}
