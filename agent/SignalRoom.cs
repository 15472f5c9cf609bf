using System.Globalization;
using DotnetPprof.Agent.Interop;

namespace DotnetPprof.Agent;

/// <summary>
/// How many timers may be made. Each takes an entry of RLIMIT_SIGPENDING, which all processes of a user share, and where
/// none is left the signal is not sent by which a runtime suspends its threads: a collection of garbage would wait for a loop to
/// end. So an eighth of them is left alone.
/// </summary>
internal sealed class SignalRoom
{
    private const ulong LeftAlone = 8;
    private const long ReadingIsGoodForNs = 1_000_000_000;

    /* Threads that end give theirs back, which only another reading tells. */
    private const long UsedUpForNs = 20_000_000;

    private ulong _left;
    private long _readAt = long.MinValue / 2;

    /// <returns>False when there is not that much room.</returns>
    internal bool TryTake(uint timers)
    {
        long now = Libc.Now(Libc.ClockMonotonic);
        if (now - _readAt > (_left < timers ? UsedUpForNs : ReadingIsGoodForNs))
        {
            _left = Read();
            _readAt = now;
        }
        if (_left < timers)
            return false;
        _left -= timers;
        return true;
    }

    /// <summary>SigQ of /proc/self/status, which is "used/limit". Where it cannot be read the kernel is asked by trying.</summary>
    private static ulong Read()
    {
        try
        {
            foreach (string line in File.ReadLines("/proc/self/status"))
            {
                if (line.StartsWith("SigQ:", StringComparison.Ordinal))
                    return Of(line.AsSpan("SigQ:".Length));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            /* No file descriptor is left, perhaps. */
        }
        return ulong.MaxValue;
    }

    /// <param name="text">Used/limit.</param>
    internal static ulong Of(ReadOnlySpan<char> text)
    {
        int slash = text.IndexOf('/');
        if (slash < 0
            || !ulong.TryParse(text[..slash].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out ulong used)
            || !ulong.TryParse(text[(slash + 1)..].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out ulong limit))
        {
            return ulong.MaxValue;
        }
        ulong most = limit - (limit / LeftAlone);
        return used < most ? most - used : 0;
    }
}
