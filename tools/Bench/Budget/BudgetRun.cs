using System.Globalization;
using DotnetPprof.Bench.Interop;
using DotnetPprof.Bench.Processes;
using DotnetPprof.Report;
using DotnetPprof.Session;

namespace DotnetPprof.Bench.Budget;

/// <summary>What one run has found.</summary>
/// <param name="Engine">As asked for.</param>
/// <param name="RateHz">As asked for.</param>
/// <param name="Windows">With sampling, each between two without.</param>
/// <param name="CpuSlowdown">Work lost per CPU time of the thread: the mean over the windows.</param>
/// <param name="CpuError">Its standard error.</param>
/// <param name="WallSlowdown">Per wall time.</param>
/// <param name="WallError">Its standard error.</param>
/// <param name="ProfileCpuSeconds">CPU time of the profile.</param>
/// <param name="ProcessCpuSeconds">Of the process meanwhile, as the kernel counts it.</param>
/// <param name="Rate">What the collector said of the rate.</param>
internal sealed record BudgetResult(
    string Engine, int RateHz, int Windows, double CpuSlowdown, double CpuError, double WallSlowdown, double WallError, double ProfileCpuSeconds, double ProcessCpuSeconds, string Rate);

/// <summary>
/// Has this very process sampled in bursts of 100 ms, one in each 200: that is how sampling is switched on and off within
/// one session, at random moments and without a start's cost.
/// </summary>
internal static class BudgetRun
{
    private const int PeriodMs = 200;
    private const int BurstMs = 100;
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(2);

    internal static BudgetResult Measure(string engine, int rate, double percent, int windows)
    {
        string output = Path.Combine(Path.GetTempPath(), $"budget-{Environment.ProcessId}.pb.gz");
        /* The limit is on the average: half of it, so that it is the whole within a burst. */
        string overhead = (percent * BurstMs / PeriodMs).ToString(CultureInfo.InvariantCulture);
        var workload = new Workload();
        try
        {
            using ChildProgram collector = ChildProgram.StartCollector(
                "collect", "-p", Text(Environment.ProcessId), "-o", output, "-r", Text(rate), "--engine", engine,
                "--burst", $"{BurstMs}ms/{PeriodMs}ms", "--max-overhead", overhead, "-d", Text(windows * PeriodMs / 1000));
            while (!collector.ReadLine(patience).StartsWith("Sampling", StringComparison.Ordinal))
            {
            }
            double cpuBefore = Environment.CpuUsage.TotalTime.TotalSeconds;
            List<Window> seen = Watch(collector);
            double cpu = Environment.CpuUsage.TotalTime.TotalSeconds - cpuBefore;
            List<string> said = [];
            while (collector.TryReadLine(patience) is { } line)
                said.Add(line);
            if (collector.WaitForExit(patience) != 0)
                throw new BenchException($"the collector failed: {collector.Complaint}");
            List<(double Cpu, double Wall)> slowdowns = Windows.Slowdowns(seen, workload.Stop());
            var totals = new FunctionTotals();
            PprofSummary.Read(ProfileBytes.Read(output), output, totals);
            return new BudgetResult(
                engine, rate, slowdowns.Count, slowdowns.Average(s => s.Cpu), Error(slowdowns.Select(s => s.Cpu)), slowdowns.Average(s => s.Wall), Error(slowdowns.Select(s => s.Wall)),
                totals.Total / 1e9, cpu, said.FirstOrDefault(line => line.Contains("  rate  ", StringComparison.Ordinal))?.Trim() ?? "");
        }
        finally
        {
            workload.Stop();
            File.Delete(output);
        }
    }

    /// <summary>Follows the bursts until sampling ends.</summary>
    private static List<Window> Watch(ChildProgram collector)
    {
        using MappedRegion region = MappedRegion.Find(Environment.ProcessId) ?? throw new BenchException("the agent has no region in this process");
        var windows = new List<Window>();
        uint edges = region.View.Control.BurstEdges;
        long since = Libc.MonotonicNanoseconds();
        while (!collector.HasExited && region.View.Control.StopTicks == 0)
        {
            Thread.Sleep(1);
            uint now = Volatile.Read(ref region.View.Control.BurstEdges);
            if (now == edges)
                continue;
            long time = Libc.MonotonicNanoseconds();
            windows.Add(new Window(edges % 2 == 1, since, time));
            (edges, since) = (now, time);
        }
        return windows;
    }

    private static double Error(IEnumerable<double> values)
    {
        double[] all = [.. values];
        double mean = all.Average();
        return Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, all.Length - 1) / all.Length);
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
