using System.Diagnostics;
using DotnetPprof.Bench.Statistics;

namespace DotnetPprof.Bench.Overhead;

/// <summary>One contender under one workload.</summary>
/// <param name="Workload">See <see cref="WorkProgram"/>.</param>
/// <param name="Name">Of the contender.</param>
/// <param name="RateHz">Asked for; null where there is nothing to ask.</param>
/// <param name="SamplesPerSecond">Delivered, of a busy thread.</param>
/// <param name="Slowdown">Time for the same work, over the time without a profiler right before and after: 1.1 is a tenth more.</param>
/// <param name="CostMicros">Of a thread's time that a sample takes.</param>
/// <param name="OverFloor">That cost over the floor's at the same rate in the same round.</param>
/// <param name="Slowdowns">Of each round.</param>
/// <param name="Missing">Why it could not be measured, in any round or in some; null when it was in all.</param>
internal sealed record OverheadResult(
    string Workload, string Name, int? RateHz, double? SamplesPerSecond, Quartiles? Slowdown, Quartiles? CostMicros, Quartiles? OverFloor,
    IReadOnlyList<double> Slowdowns, string? Missing);

/// <summary>How long the windows are in which work is counted.</summary>
/// <param name="Profiled">With a contender at work.</param>
/// <param name="Bare">Without, before and after each.</param>
internal readonly record struct Windows(TimeSpan Profiled, TimeSpan Bare)
{
    internal static Windows Usual => new(TimeSpan.FromSeconds(1.3), TimeSpan.FromSeconds(0.6));

    internal static Windows Short => new(TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(0.25));
}

/// <summary>
/// Runs all contenders over one running program in turns, in another order every round. A contender's slowdown is a pair:
/// the work done per second while it is at work, and right before and after it.
/// </summary>
internal sealed class OverheadRun(IReadOnlyList<IContender> contenders, Windows windows, Action<string> say)
{
    /// <summary>What a profiler does when it has just begun, such as finding out about all code there is, is not what it costs.</summary>
    private static readonly TimeSpan settleIn = TimeSpan.FromSeconds(0.8);

    /// <summary>Nor is the program its own at once when it has ended.</summary>
    private static readonly TimeSpan settleOut = TimeSpan.FromSeconds(0.3);

    private readonly Dictionary<IContender, string> missing = [];
    private readonly Random random = new(1);

    internal IReadOnlyList<OverheadResult> Run(string workload, int rounds)
    {
        var all = new List<Dictionary<IContender, Pair>>();
        using var target = new WorkTarget(workload);
        for (int round = 1; round <= rounds; round++)
        {
            say($"{workload}, round {round} of {rounds}");
            all.Add(Round(target));
        }
        return [.. contenders.Select(contender => Summarize(workload, contender, all))];
    }

    private Dictionary<IContender, Pair> Round(WorkTarget target)
    {
        IContender[] order = [.. contenders];
        random.Shuffle(order);
        var pairs = new Dictionary<IContender, Pair>();
        double before = target.Measure(windows.Bare);
        foreach (IContender contender in order)
        {
            try
            {
                (double profiled, double? samples) = MeasureWith(contender, target);
                Thread.Sleep(settleOut);
                double after = target.Measure(windows.Bare);
                pairs.Add(contender, new Pair((before + after) / 2 / profiled, samples / target.Tids.Length));
                before = after;
            }
            catch (BenchException e)
            {
                missing[contender] = e.Message;
                say($"{contender.Name}: {e.Message}");
            }
        }
        return pairs;
    }

    private (double WorkPerSecond, double? SamplesPerSecond) MeasureWith(IContender contender, WorkTarget target)
    {
        using IProfiling profiling = contender.Start(target);
        Thread.Sleep(settleIn);
        long? before = profiling.Samples;
        long start = Stopwatch.GetTimestamp();
        double work = target.Measure(windows.Profiled);
        double? samples = (profiling.Samples - before) / Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (work, profiling.Stop() ?? samples);
    }

    private OverheadResult Summarize(string workload, IContender contender, List<Dictionary<IContender, Pair>> rounds)
    {
        List<Dictionary<IContender, Pair>> measured = [.. rounds.Where(round => round.ContainsKey(contender))];
        if (measured.Count == 0)
            return new OverheadResult(workload, contender.Name, contender.RateHz, null, null, null, null, [], missing.GetValueOrDefault(contender, "not measured"));
        List<double> slowdowns = [.. measured.Select(round => round[contender].Slowdown)];
        List<double> rates = [.. measured.Select(round => round[contender].SamplesPerSecond).OfType<double>().Where(rate => rate > 0)];
        if (rates.Count < measured.Count)
            return new OverheadResult(workload, contender.Name, contender.RateHz, null, Quartiles.Of(slowdowns), null, null, slowdowns, missing.GetValueOrDefault(contender));

        IContender? floor = contenders.FirstOrDefault(other => other is Floor && other.RateHz == contender.RateHz);
        List<double> overFloor = [.. measured.Where(round => floor is not null && round.ContainsKey(floor)).Select(round => round[contender].CostMicros / round[floor!].CostMicros)];
        return new OverheadResult(
            workload, contender.Name, contender.RateHz, Medians.Of(rates), Quartiles.Of(slowdowns),
            Quartiles.Of(measured.Select(round => round[contender].CostMicros)), overFloor.Count == 0 ? null : Quartiles.Of(overFloor), slowdowns, missing.GetValueOrDefault(contender));
    }

    private readonly record struct Pair(double Slowdown, double? SamplesPerSecond)
    {
        /// <summary>The part of a second that no work was done in, over the samples of that second.</summary>
        internal double CostMicros => (1 - 1 / Slowdown) * 1e6 / SamplesPerSecond!.Value;
    }
}
