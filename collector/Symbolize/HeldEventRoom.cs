namespace DotnetPprof.Symbolize;

/// <summary>
/// How much may be held of events that wait for others, by all streams together: fifty targets may have a burst at once. A
/// stream that finds no room reads what it holds at once: then events of different threads may come out of order, each with
/// its own time all the same, and none is lost. Any thread may ask.
/// </summary>
/// <param name="mostBytes">Of all.</param>
internal sealed class HeldEventRoom(int mostBytes)
{
    /// <summary>Eight threads that compile all the time tell this much in a second.</summary>
    public const int MostBytes = 16 << 20;

    private int taken;

    /// <summary>This process's.</summary>
    public static HeldEventRoom Shared { get; } = new(MostBytes);

    /// <summary>Bytes taken now.</summary>
    public int Taken => Volatile.Read(ref taken);

    public bool TryTake(int bytes)
    {
        if (Interlocked.Add(ref taken, bytes) <= mostBytes) return true;
        Give(bytes);
        return false;
    }

    public void Give(int bytes) => Interlocked.Add(ref taken, -bytes);
}
