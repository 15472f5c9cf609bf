using DotnetPprof.Model;

namespace DotnetPprof.Clock;

/// <summary>
/// Maps the sampling clock's ticks to CLOCK_MONOTONIC and to wall-clock time: linear between anchors, and beyond them at
/// the rate of the nearest second.
/// <para>
/// Ticks are taken relative to the first anchor and modulo 2^63, so the counter may pass 2^63 or wrap there or at 2^64;
/// only distances count, and 2^62 ticks of them are 29 years at 5 GHz. All arithmetic is on integers: rounding costs
/// less than 1 ns at any uptime.
/// </para>
/// <para>
/// Later ticks never map to earlier times. Where the wall clock was stepped (by a person, NTP's first contact, a leap
/// second), wall-clock times go on from the clock as it was before, and the step becomes a note; where it was slewed
/// they follow it.
/// </para>
/// <para>
/// Anchors may be added between calls. What a tick between two anchors maps to is then final. A tick after the newest
/// anchor is extrapolated, and the next anchor moves it by up to <see cref="ErrorBoundNanos"/>; so may two results
/// that stand on either side of an <see cref="Add"/>. One exception: when the very first anchor was read slowly, a
/// better second one replaces it, and everything moves by up to the first one's bound. Not thread-safe.
/// </para>
/// <para>
/// Of the anchors of many hours only as many are kept as it takes to stay within nanoseconds of all; see
/// <see cref="KnotThinning"/>. <see cref="ErrorBoundNanos"/> includes it.
/// </para>
/// </summary>
/// <param name="nominalHz">Ticks per second as estimated, for as long as the anchors span too little to tell.</param>
/// <param name="mostKnots">Anchors kept at most; those of the last tenth stay whatever they are.</param>
internal sealed class TickMap(ulong nominalHz, int mostKnots = TickMap.MostKnots)
{
    /// <summary>Two hours of four a second; 1.5 MB.</summary>
    public const int MostKnots = 1 << 15;

    /// <summary>The kernel never slews its clocks by more than 500 ppm; twice that tells a step from a slew.</summary>
    private const long StepDivisor = 1_000;

    /// <summary>
    /// Two clocks are never read at one instant: tens of nanoseconds lie between through the vDSO, hundreds where it
    /// cannot serve the clock and each reading is a system call.
    /// </summary>
    private const long ReadingNanos = 500;

    private const long RateBaselineNanos = 1_000_000_000;
    private const long ShortestBaselineNanos = 10_000_000;

    /// <summary>Year 2043; keeps differences of any two readings, and theirs, within 64 bits.</summary>
    private const long LargestReading = 1L << 61;

    private readonly ClockRate nominal = new(1_000_000_000, (long)Math.Clamp(nominalHz, 1_000_000, 100_000_000_000));
    private readonly List<Knot> knots = [];
    private readonly AnchorFilter filter = new();
    private readonly ClockSteps steps = new();
    private ulong origin;
    private long lastRealtime;
    private int headBaseline;
    private int tailBaseline;
    private int lastSegment;

    /// <summary>True until an anchor was accepted; nothing can be mapped before.</summary>
    public bool IsEmpty => knots.Count == 0;

    /// <summary>What was recognised on the way, one line each: steps, slews, dropped anchors.</summary>
    public IReadOnlyList<string> Notes => [.. steps.Notes, .. RateChanges.Notes(knots), .. filter.Notes];

    public IEnumerable<ClockSegment> Segments =>
        Enumerable.Range(0, Math.Max(0, knots.Count - 1)).Select(i =>
            new ClockSegment(TicksAt(knots[i].Offset), TicksAt(knots[i + 1].Offset), SegmentBound(i)));

    /// <summary>Adds the next anchor in the order they were taken. Useless ones are dropped, counted and noted.</summary>
    public void Add(ClockAnchor anchor)
    {
        long width = Distance(anchor.TicksBefore.Value, anchor.TicksAfter.Value);
        long realtime = anchor.Realtime.Value;
        long monotonic = anchor.Monotonic.Value;
        if (width < 0 || realtime is < 0 or > LargestReading || monotonic is < 0 or > LargestReading)
        {
            filter.DropSenseless();
            return;
        }

        ulong middle = anchor.TicksBefore.Value + (ulong)(width / 2);
        long widthNanos = (knots.Count > 1 ? ClockRate.Between(knots[0], knots[^1]) : nominal).NanosOf(width);
        if (IsEmpty || (knots.Count == 1 && AnchorFilter.IsFarLooser(knots[0].WidthNanos, widthNanos)))
        {
            Begin(middle, width, widthNanos, realtime, monotonic);
            return;
        }

        Knot last = knots[^1];
        long offset = Distance(origin, middle);
        if (monotonic < last.Monotonic || offset < last.Offset)
            filter.DropBackward(last.Wall);
        else if (offset - width / 2 > last.EndOffset && filter.Accepts(widthNanos, monotonic - last.Monotonic))
            Append(last, offset, width, widthNanos, realtime, monotonic);
    }

    public MonotonicNanos ToMonotonic(Ticks ticks)
    {
        long offset = OffsetOf(ticks);
        Knot first = knots[0];
        Knot last = knots[^1];
        if (offset >= last.Offset)
            return new(Scale.Add(last.Monotonic, TailRate.NanosOf(offset - last.Offset)));
        if (offset < first.Offset)
            return new(Scale.Subtract(first.Monotonic, HeadRate.NanosOf(first.Offset - offset)));
        int segment = SegmentAt(offset);
        Knot from = knots[segment];
        return new(from.Monotonic + ClockRate.Between(from, knots[segment + 1]).NanosOf(offset - from.Offset));
    }

    public UnixNanos ToUnix(Ticks ticks)
    {
        long offset = OffsetOf(ticks);
        Knot first = knots[0];
        Knot last = knots[^1];
        if (offset >= last.Offset)
            return new(Scale.Add(last.Wall, TailRate.NanosOf(offset - last.Offset)));
        if (offset < first.Offset)
            return new(Scale.Subtract(first.Wall, HeadRate.NanosOf(first.Offset - offset)));
        int segment = SegmentAt(offset);
        Knot from = knots[segment];
        return new(from.Wall + ClockRate.WallBetween(from, knots[segment + 1]).NanosOf(offset - from.Offset));
    }

    /// <summary>
    /// How far the mapped time of <paramref name="ticks"/> can be from what anybody who read the clocks at that tick saw,
    /// in nanoseconds: their reading's own width, half the wider of the brackets around it, and how far the rate between them departs from the rates on both sides (a clock that changes its rate
    /// once inside a segment leaves the straight line by no more than that). Beyond the anchors the distance counts,
    /// at the kernel's 500 ppm; while the stated frequency is all there is, at 1 %.
    /// </summary>
    public long ErrorBoundNanos(Ticks ticks)
    {
        long offset = OffsetOf(ticks);
        Knot first = knots[0];
        Knot last = knots[^1];
        if (offset > last.Offset)
            return BeyondBound(last, TailRate.NanosOf(offset - last.Offset), tailBaseline, knots.Count - 1);
        if (offset < first.Offset)
            return BeyondBound(first, HeadRate.NanosOf(first.Offset - offset), 0, headBaseline);
        return knots.Count == 1 ? Scale.Add(first.ErrorNanos, ReadingNanos) : SegmentBound(SegmentAt(offset));
    }

    private ClockRate HeadRate => Baseline(0, headBaseline);

    private ClockRate TailRate => Baseline(tailBaseline, knots.Count - 1);

    private ClockRate Baseline(int from, int to) =>
        knots[to].Monotonic - knots[from].Monotonic < ShortestBaselineNanos ? nominal : ClockRate.Between(knots[from], knots[to]);

    private void Begin(ulong middle, long width, long widthNanos, long realtime, long monotonic)
    {
        knots.Clear();
        origin = middle;
        lastRealtime = realtime;
        filter.Begin(widthNanos);
        knots.Add(new Knot(0, width - width / 2, monotonic, realtime, widthNanos));
    }

    private void Append(Knot last, long offset, long width, long widthNanos, long realtime, long monotonic)
    {
        long elapsed = monotonic - last.Monotonic;
        long drift = realtime - lastRealtime - elapsed;
        long slewable = elapsed / StepDivisor + last.WidthNanos + widthNanos + 1_000;
        bool stepped = Math.Abs(drift) > slewable;
        if (stepped)
            steps.Add(lastRealtime, drift);
        long wall = stepped ? Scale.Add(last.Wall, elapsed) : Math.Max(last.Wall, Scale.Add(last.Wall, realtime - lastRealtime));
        lastRealtime = realtime;
        knots.Add(new Knot(offset, offset + (width - width / 2), monotonic, wall, widthNanos));

        if (knots[headBaseline].Monotonic - knots[0].Monotonic < RateBaselineNanos)
            headBaseline = knots.Count - 1;
        while (tailBaseline + 1 < knots.Count - 1 && monotonic - knots[tailBaseline + 1].Monotonic >= RateBaselineNanos)
            tailBaseline++;
        if (knots.Count >= mostKnots)
            Thin();
    }

    /// <summary>The first second and the last tell rates, and the newest are asked for most.</summary>
    private void Thin()
    {
        int last = Math.Min(tailBaseline, knots.Count - 1 - mostKnots / 10);
        if (last - headBaseline < mostKnots / 2)
            return;
        for (int i = headBaseline; i < last; i++)
            knots[i + 1] = knots[i + 1] with { BoundNanos = SegmentBound(i) };
        tailBaseline -= KnotThinning.Halve(knots, headBaseline, last);
        lastSegment = 0;
    }

    private long SegmentBound(int segment)
    {
        Knot from = knots[segment];
        Knot to = knots[segment + 1];
        if (to.BoundNanos > 0)
            return to.BoundNanos;
        long bend = long.MaxValue;
        if (segment > 0)
            bend = Math.Min(bend, Departure(from, to, knots[segment - 1], from));
        if (segment + 2 < knots.Count)
            bend = Math.Min(bend, Departure(from, to, to, knots[segment + 2]));
        if (bend == long.MaxValue)
            bend = 0;
        return Scale.Add(Scale.Add(Math.Max(from.ErrorNanos, to.ErrorNanos), bend), ReadingNanos);
    }

    /// <summary>How far a clock that ran from <paramref name="from"/> at the neighbour's rate would miss <paramref name="to"/>.</summary>
    private static long Departure(Knot from, Knot to, Knot neighbourFrom, Knot neighbourTo)
    {
        long ticks = to.Offset - from.Offset;
        long monotonic = ClockRate.Between(neighbourFrom, neighbourTo).NanosOf(ticks) - (to.Monotonic - from.Monotonic);
        long wall = ClockRate.WallBetween(neighbourFrom, neighbourTo).NanosOf(ticks) - (to.Wall - from.Wall);
        return Math.Max(Math.Abs(monotonic), Math.Abs(wall));
    }

    private long BeyondBound(Knot knot, long distance, int from, int to)
    {
        long span = knots[to].Monotonic - knots[from].Monotonic;
        long rateError = span < ShortestBaselineNanos
            ? distance / 100
            : Scale.Add(distance / 2_000, Scale.Floor(distance, knots[from].ErrorNanos + knots[to].ErrorNanos, span));
        return Scale.Add(Scale.Add(knot.ErrorNanos, rateError), ReadingNanos);
    }

    /// <summary>The segment that holds <paramref name="offset"/>, which lies between the first and the last knot.</summary>
    private int SegmentAt(long offset)
    {
        if (lastSegment + 1 < knots.Count && knots[lastSegment].Offset <= offset && offset < knots[lastSegment + 1].Offset)
            return lastSegment;
        int low = 0;
        int high = knots.Count - 2;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (knots[middle].Offset <= offset)
                low = middle;
            else
                high = middle - 1;
        }
        return lastSegment = low;
    }

    private long OffsetOf(Ticks ticks) =>
        IsEmpty ? throw new InvalidOperationException("no clock anchor yet") : Distance(origin, ticks.Value);

    private Ticks TicksAt(long offset) => new(origin + (ulong)offset);

    /// <summary>Signed, modulo 2^63: one bit less than the counter has.</summary>
    private static long Distance(ulong from, ulong to) => (long)((to - from) << 1) >> 1;
}
