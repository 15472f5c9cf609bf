using System.Globalization;
using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Capacity;

/// <summary>What one of the agent's timers sends a thread.</summary>
/// <param name="Number">Of the signal.</param>
/// <param name="Value">That the signal carries, by which the handler knows it for its own.</param>
internal readonly record struct TimerSignal(int Number, ulong Value);

/// <summary>
/// The timers that the agent has made for a thread of this process. The kernel lists them in /proc/self/timers with all
/// that their signals carry: so the load is told nothing by the agent, and the agent knows nothing of the load.
/// </summary>
internal static class OwnTimers
{
    private const string List = "/proc/self/timers";

    /// <summary>
    /// Deletes a thread's timers, so that it is sampled by what it sends itself and by nothing else, and can count it.
    /// </summary>
    /// <returns>What the timer on its CPU clock sent; null when the thread has none (yet).</returns>
    internal static TimerSignal? TakeOver(int tid)
    {
        List<KernelTimer> timers = [.. Read().Where(timer => timer.Tid == tid)];
        if (timers.Find(timer => timer.OnCpuClock) is not { } ticks)
            return null;
        if (timers.Exists(timer => SignalLoad.DeleteTimer(timer.Id) != 0))
            throw new BenchException($"the timers of thread {tid} could not be deleted");
        return ticks.Signal;
    }

    /// <summary>Four lines a timer (proc(5)): ID, signal: NUMBER/VALUE, notify: signal/tid.TID, ClockID: negative for CPU clocks.</summary>
    private static IEnumerable<KernelTimer> Read()
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(List);
        }
        catch (FileNotFoundException)
        {
            throw new BenchException($"the kernel lists no timers in {List} (CONFIG_CHECKPOINT_RESTORE)");
        }
        for (int i = 0; i + 3 < lines.Length; i += 4)
        {
            string[] fields = [.. lines.AsSpan(i, 4).ToArray().Select(line => line[(line.IndexOf(':') + 1)..].Trim())];
            string[] signal = fields[1].Split('/');
            int dot = fields[2].IndexOf("tid.", StringComparison.Ordinal);
            if (dot < 0 || signal.Length != 2)
                continue;
            yield return new KernelTimer(
                Number(fields[0]),
                new TimerSignal(Number(signal[0]), ulong.Parse(signal[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
                Number(fields[2][(dot + 4)..]),
                Number(fields[3]) < 0);
        }
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private sealed record KernelTimer(int Id, TimerSignal Signal, int Tid, bool OnCpuClock);
}
