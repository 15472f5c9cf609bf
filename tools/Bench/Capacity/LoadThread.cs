using System.Diagnostics;
using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Capacity;

/// <summary>What one thread of the load did.</summary>
/// <param name="Tid">The thread.</param>
/// <param name="Sent">Signals to the agent's handler, every one of which it must have taken for a sample.</param>
/// <param name="Seconds">How long it sent them.</param>
/// <param name="HandlerNs">CPU time of a signal to the agent's handler less that of one to an empty handler, a pair of blocks each.</param>
internal sealed record ThreadLoad(int Tid, ulong Sent, double Seconds, IReadOnlyList<double> HandlerNs);

/// <summary>
/// A thread that has itself sampled, by signals to itself, as fast as it is told to. Until <see cref="Go"/> it sleeps, and
/// afterwards it stays until <see cref="Leave"/>.
/// </summary>
internal sealed class LoadThread
{
    /// <summary>One more frame than this, two of this class's and the runtime's one below make 15.</summary>
    private const int Levels = 15 - 3 - 1;

    private const ulong Batch = 64;
    private const ulong PairSignals = 512;
    private static readonly TimeSpan betweenPairs = TimeSpan.FromMilliseconds(500);

    private readonly Thread thread;
    private readonly ManualResetEventSlim ready = new();
    private readonly ManualResetEventSlim go = new();
    private readonly ManualResetEventSlim done = new();
    private readonly ManualResetEventSlim leave = new();
    private readonly List<double> handlerNs = [];
    private TimerSignal signal;
    private TimeSpan length;
    private double perSecond;
    private ulong sent;
    private double seconds;

    internal LoadThread(int number)
    {
        thread = new Thread(Run) { Name = $"load {number}" };
        thread.Start();
        ready.Wait();
    }

    internal int Tid { get; private set; }

    /// <param name="what">The signal that the agent's timer would send.</param>
    /// <param name="duration">Of the load.</param>
    /// <param name="rate">Signals a second; infinite for all that it can.</param>
    internal void Go(TimerSignal what, TimeSpan duration, double rate)
    {
        signal = what;
        length = duration;
        perSecond = rate;
        go.Set();
    }

    internal ThreadLoad Wait()
    {
        done.Wait();
        return new ThreadLoad(Tid, sent, seconds, handlerNs);
    }

    internal void Leave()
    {
        leave.Set();
        thread.Join();
    }

    private void Run()
    {
        Tid = Libc.ThreadId();
        ready.Set();
        go.Wait();
        Send();
        done.Set();
        leave.Wait();
    }

    private void Send()
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan nextPair = betweenPairs;
        for (uint path = 0; ; path++)
        {
            TimeSpan passed = Stopwatch.GetElapsedTime(start);
            seconds = passed.TotalSeconds;
            if (passed >= length)
                return;
            if (passed >= nextPair)
            {
                nextPair = passed + betweenPairs;
                MeasurePair(path);
            }
            sent += DeepStack.Left(Levels, path, signal, Batch);
            // A millisecond's worth ahead: its core is somebody else's for as long.
            if (sent > perSecond * (seconds + 0.001))
                Thread.Sleep(1);
        }
    }

    /// <summary>One block for each handler, right after one another, in turns which goes first.</summary>
    private void MeasurePair(uint path)
    {
        bool ownFirst = handlerNs.Count % 2 == 0;
        var empty = new TimerSignal(SignalLoad.EmptySignal, 0);
        double first = Measure(path, ownFirst ? signal : empty);
        double second = Measure(path, ownFirst ? empty : signal);
        handlerNs.Add(ownFirst ? first - second : second - first);
        sent += PairSignals;
    }

    private static double Measure(uint path, TimerSignal what)
    {
        ulong before = Libc.ThreadCpuNanoseconds();
        ulong count = DeepStack.Left(Levels, path, what, PairSignals);
        if (count != PairSignals)
            throw new BenchException("the kernel refused signals");
        return (Libc.ThreadCpuNanoseconds() - before) / (double)PairSignals;
    }
}
