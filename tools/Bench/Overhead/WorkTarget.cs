using System.Diagnostics;
using System.Globalization;
using DotnetPprof.Bench.Processes;

namespace DotnetPprof.Bench.Overhead;

/// <summary>A running workload.</summary>
internal sealed class WorkTarget : IDisposable
{
    private static readonly TimeSpan startPatience = TimeSpan.FromSeconds(20);

    /// <summary>Until its code is as optimised as it will ever be.</summary>
    private static readonly TimeSpan warmUp = TimeSpan.FromSeconds(3);

    private readonly string path = Path.Combine(Path.GetTempPath(), $"overhead-{Guid.NewGuid():N}.work");
    private readonly WorkCounters counters;
    private readonly ChildProgram program;

    internal WorkTarget(string workload)
    {
        Workload = workload;
        counters = new WorkCounters(path);
        program = ChildProgram.StartSelf("overhead", "--work", workload, "--counters", path);
        Tids = [.. program.ReadLine(startPatience).Split(' ').Select(tid => int.Parse(tid, CultureInfo.InvariantCulture))];
        Thread.Sleep(warmUp);
    }

    internal string Workload { get; }

    internal int Pid => program.Id;

    /// <summary>Of the threads that are always busy.</summary>
    internal int[] Tids { get; }

    /// <summary>Units of work done per second of the time given.</summary>
    internal double Measure(TimeSpan window)
    {
        long start = Stopwatch.GetTimestamp();
        long before = counters.Total;
        Thread.Sleep(window);
        long done = counters.Total - before;
        if (program.HasExited)
            throw new BenchException($"the workload ended: {program.Complaint}");
        return done / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public void Dispose()
    {
        program.Dispose();
        counters.Dispose();
        File.Delete(path);
    }
}
