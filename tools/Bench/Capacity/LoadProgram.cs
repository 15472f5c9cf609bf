using System.Text.Json;
using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Capacity;

/// <summary>
/// The program that is sampled. It says "ready", waits until an agent has given its threads timers, says "running", and
/// when it is done what its threads did; then it stays until its standard input ends.
/// </summary>
internal static class LoadProgram
{
    internal const string Ready = "ready";
    internal const string Running = "running";

    private static readonly TimeSpan patience = TimeSpan.FromSeconds(30);

    /// <param name="threads">How many.</param>
    /// <param name="length">Of the load.</param>
    /// <param name="perSecond">Signals of all threads; infinite for all that they can.</param>
    internal static void Run(int threads, TimeSpan length, double perSecond)
    {
        SignalLoad.InstallEmpty();
        LoadThread[] all = [.. Enumerable.Range(1, threads).Select(number => new LoadThread(number))];
        Console.WriteLine(Ready);
        TimerSignal[] signals = [.. all.Select(thread => WaitForTimers(thread.Tid))];
        Console.WriteLine(Running);
        foreach ((LoadThread thread, TimerSignal signal) in all.Zip(signals))
            thread.Go(signal, length, perSecond / threads);
        Console.WriteLine(JsonSerializer.Serialize(all.Select(thread => thread.Wait())));
        Console.ReadLine();
        foreach (LoadThread thread in all)
            thread.Leave();
    }

    private static TimerSignal WaitForTimers(int tid)
    {
        for (DateTime end = DateTime.UtcNow + patience; DateTime.UtcNow < end; Thread.Sleep(5))
        {
            if (OwnTimers.TakeOver(tid) is { } signal)
                return signal;
        }
        throw new BenchException($"no agent gave thread {tid} timers");
    }
}
