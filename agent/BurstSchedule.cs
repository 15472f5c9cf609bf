namespace DotnetPprof.Agent;

/// <summary>
/// When to sample, where that is not all the time: one burst in each period, somewhere in it, so that bursts do not keep
/// step with whatever the program does as regularly.
/// </summary>
/// <param name="lengthNs">Of a burst; 0: sample all the time.</param>
/// <param name="periodNs">Longer than a burst.</param>
/// <param name="now">CLOCK_MONOTONIC at the first period's begin.</param>
/// <param name="random">Places the bursts.</param>
internal sealed class BurstSchedule(long lengthNs, long periodNs, long now, Random random)
{
    private long _period = now;
    private long _begin = lengthNs == 0 ? long.MaxValue : now + random.NextInt64(periodNs - lengthNs + 1);
    private long _end = long.MaxValue;

    /// <summary>Whether samples are to be taken.</summary>
    internal bool IsOpen { get; private set; } = lengthNs == 0;

    /// <summary>CLOCK_MONOTONIC at the next change; the end of time where there is none.</summary>
    internal long NextChange => IsOpen ? _end : _begin;

    /// <summary>Goes on to this moment. A burst that begins late is as long as any; one that was missed altogether is not made up for.</summary>
    /// <returns>Whether <see cref="IsOpen"/> has changed.</returns>
    internal bool Step(long now)
    {
        if (now < NextChange)
            return false;
        if (IsOpen)
        {
            _period += periodNs * Math.Max(1, (now - _period) / periodNs);
            _begin = Math.Max(now, _period + random.NextInt64(periodNs - lengthNs + 1));
        }
        else
        {
            _end = now + lengthNs;
        }
        IsOpen = !IsOpen;
        return true;
    }
}
