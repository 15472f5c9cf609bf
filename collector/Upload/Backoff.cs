namespace DotnetPprof.Upload;

/// <summary>How long to leave a receiver alone after a failure: longer each time, and never all clients at once.</summary>
/// <param name="random">Where the jitter comes from.</param>
internal sealed class Backoff(Random random)
{
    internal static readonly TimeSpan First = TimeSpan.FromSeconds(1);

    internal static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    /// <summary>What a receiver may ask for at most: a wrong clock of its own must not end the uploads.</summary>
    internal static readonly TimeSpan LongestAsked = TimeSpan.FromHours(1);

    private TimeSpan step = First;

    /// <param name="asked">What the receiver asked for: it is waited for whole.</param>
    /// <returns>Half to all of a step that doubles; or what was asked for, and up to a tenth more.</returns>
    public TimeSpan Next(TimeSpan? asked)
    {
        TimeSpan own = step * (0.5 + (random.NextDouble() / 2));
        step = step * 2 < Longest ? step * 2 : Longest;
        if (asked is not { } wish || wish <= TimeSpan.Zero)
            return own;
        wish = wish < LongestAsked ? wish : LongestAsked;
        return wish * (1 + (random.NextDouble() / 10));
    }

    public void Reset() => step = First;
}
