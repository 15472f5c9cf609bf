namespace DotnetPprof.Clock;

/// <summary>
/// Keeps a capture of days from keeping all its anchors. A knot is left out where the line between its neighbours passes
/// it closely; by how much it misses it is added to the larger of the error bounds that the two segments had, and that
/// is the new segment's. Where the clocks' rates changed the line misses by much, and such knots stay longest.
/// </summary>
internal static class KnotThinning
{
    /// <summary>What the width of a bracket makes of a straight line anyway.</summary>
    private const long FirstTolerance = 50;

    /// <summary>
    /// Leaves out knots between <paramref name="first"/> and <paramref name="last"/>, which stay, until half of them are
    /// gone. Every one from <paramref name="first"/> + 1 to <paramref name="last"/> has its <see cref="Knot.BoundNanos"/>.
    /// </summary>
    /// <returns>How many were left out.</returns>
    public static int Halve(List<Knot> knots, int first, int last)
    {
        int before = knots.Count;
        int target = before - (last - first) / 2;
        for (long tolerance = FirstTolerance; knots.Count > target; tolerance = Scale.Add(tolerance, tolerance))
        {
            int removed = Pass(knots, first, last, tolerance, knots.Count - target);
            last -= removed;
        }
        return before - knots.Count;
    }

    /// <summary>
    /// Never leaves out two neighbours, so that every knot is judged by what was there before; the next pass judges by
    /// what this one left.
    /// </summary>
    private static int Pass(List<Knot> knots, int first, int last, long tolerance, int most)
    {
        int kept = first + 1;
        int removed = 0;
        bool neighbourLeftOut = false;
        for (int i = first + 1; i < last; i++)
        {
            Knot next = knots[i + 1];
            if (removed < most && !neighbourLeftOut && Missed(knots[kept - 1], knots[i], next) is var missed && missed <= tolerance)
            {
                knots[i + 1] = next with { BoundNanos = Scale.Add(Math.Max(knots[i].BoundNanos, next.BoundNanos), missed) };
                removed++;
                neighbourLeftOut = true;
            }
            else
            {
                knots[kept++] = knots[i];
                neighbourLeftOut = false;
            }
        }
        knots.RemoveRange(kept, last - kept);
        return removed;
    }

    /// <summary>
    /// How far the line between two knots is from one between them: nowhere is it further from the two lines that met
    /// there. One more for rounding.
    /// </summary>
    private static long Missed(Knot from, Knot knot, Knot to)
    {
        long ticks = knot.Offset - from.Offset;
        long monotonic = from.Monotonic + ClockRate.Between(from, to).NanosOf(ticks) - knot.Monotonic;
        long wall = from.Wall + ClockRate.WallBetween(from, to).NanosOf(ticks) - knot.Wall;
        return Math.Max(Math.Abs(monotonic), Math.Abs(wall)) + 1;
    }
}
