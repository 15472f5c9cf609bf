using System.Diagnostics;
using DotnetPprof.Agent.Clock;
using DotnetPprof.Clock;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Session;
using AgentLibc = DotnetPprof.Agent.Interop.Libc;

namespace DotnetPprof.Bench.GroundTruth;

/// <summary>
/// Errors of mapped times, in nanoseconds. A reading is itself only known to lie between two tick reads; pairs with a
/// bracket above <paramref name="BracketLimitNanos"/> are not used.
/// </summary>
internal sealed record ClockTruth(
    double Minutes, long Anchors, long Pairs, long WidePairs, double BracketLimitNanos, double P50, double P99, double Maximum, double CoveredPercent, double WidestBound, IReadOnlyList<string> Notes);

/// <summary>
/// A program is captured by the real collector. Beside it, this process reads the time stamp counter, which all
/// processes share, and CLOCK_REALTIME; afterwards the counter is mapped through the anchors that the agent published.
/// </summary>
internal static class ClockTruthRun
{
    private const double BracketLimitNanos = 400;
    private static readonly TimeSpan startPatience = TimeSpan.FromSeconds(30);

    internal static ClockTruth Run(TimeSpan length)
    {
        ClockVerdict verdict = ClockProbes.Probe(ClockKind.Tsc);
        if (!verdict.Passed)
            throw new BenchException($"the time stamp counter is needed to read ticks from outside: {verdict.Text}");
        string program = Path.Combine(AppContext.BaseDirectory, "dotnet-pprof.dll");
        string workload = Path.Combine(AppContext.BaseDirectory, "demo", "DemoWorkload.dll");
        string profile = Path.Combine(Path.GetTempPath(), $"clock-truth-{Environment.ProcessId}.pb.gz");
        int seconds = (int)length.TotalSeconds;
        using Process target = Start(workload, $"{seconds + 60}");
        try
        {
            Thread.Sleep(1000);
            using Process collector = Start(program, "collect", "-p", $"{target.Id}", "-d", $"{seconds}", "--clock", "tsc", "-o", profile);
            using MappedRegion region = WaitUntilSampling(target.Id);
            var witness = new Witness(verdict.Clock);
            var map = new AnchorFollower(region.View);
            while (!collector.WaitForExit(1))
            {
                witness.Read();
                map.Follow();
            }
            map.Follow();
            return Judge(length, witness, map);
        }
        finally
        {
            target.Kill();
            File.Delete(profile);
        }
    }

    private static ClockTruth Judge(TimeSpan length, Witness witness, AnchorFollower followed)
    {
        TickMap map = followed.Map;
        double nanosPerTick = followed.NanosPerTick;
        var errors = new List<double>();
        long wide = 0, covered = 0;
        double widest = 0;
        foreach ((ulong before, ulong after, long realtime) in witness.Pairs)
        {
            /* Pairs from before the first anchor or after the last are no part of the capture. */
            if (before < followed.First || after > followed.Last)
                continue;
            if ((after - before) * nanosPerTick > BracketLimitNanos)
            {
                wide++;
                continue;
            }
            var ticks = new Ticks(before + (after - before) / 2);
            double error = Math.Abs(map.ToUnix(ticks).Value - realtime);
            long bound = map.ErrorBoundNanos(ticks);
            errors.Add(error);
            covered += error <= bound ? 1 : 0;
            widest = Math.Max(widest, bound);
        }
        if (errors.Count == 0)
            throw new BenchException("no pair was read in a narrow bracket; the machine is too busy");
        errors.Sort();
        return new ClockTruth(
            length.TotalMinutes, followed.Count, errors.Count, wide, BracketLimitNanos, errors[errors.Count / 2],
            errors[(int)(errors.Count * 0.99)], errors[^1], 100.0 * covered / errors.Count, widest, map.Notes);
    }

    private static MappedRegion WaitUntilSampling(int pid)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < startPatience)
        {
            if (MappedRegion.Find(pid) is { } region)
            {
                if ((AgentState)region.View.Control.State == AgentState.Sampling)
                    return region;
                region.Dispose();
            }
            Thread.Sleep(20);
        }
        throw new BenchException("the capture did not start");
    }

    private static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(program);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Reads ticks and wall-clock time, as the agent does and independently of it.</summary>
    private sealed class Witness(RawClock clock)
    {
        private readonly List<(ulong, ulong, long)> pairs = [];

        internal IReadOnlyList<(ulong Before, ulong After, long Realtime)> Pairs => pairs;

        internal void Read()
        {
            ulong before = clock.Read();
            long realtime = AgentLibc.Now(AgentLibc.ClockRealtime);
            ulong after = clock.Read();
            pairs.Add((before, after, realtime));
        }
    }
}
