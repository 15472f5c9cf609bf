using System.Diagnostics;
using System.Globalization;
using DotnetPprof.Bench.Processes;
using DotnetPprof.Region;
using DotnetPprof.Session;

namespace DotnetPprof.Bench.Overhead;

/// <summary>This profiler: attached, with its collector in a process of its own.</summary>
/// <param name="engine">As <c>--engine</c> names it.</param>
/// <param name="rateHz">Asked for, with no budget.</param>
internal sealed class OwnProfiler(string engine, int rateHz) : IContender
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(30);

    public string Name => Label(engine);

    public int? RateHz => rateHz;

    internal static string Label(string engine) => $"dotnet-pprof --engine {engine}";

    public IProfiling Start(WorkTarget target)
    {
        string profile = Path.Combine(Path.GetTempPath(), $"overhead-{Environment.ProcessId}.pb.gz");
        ChildProgram collector = ChildProgram.StartCollector(
            "collect", "-p", Text(target.Pid), "-r", Text(rateHz), "--engine", engine, "-o", profile);
        try
        {
            return new Capture(collector, WaitUntilSampling(collector, target.Pid), profile);
        }
        catch
        {
            collector.Dispose();
            throw;
        }
    }

    private static MappedRegion WaitUntilSampling(ChildProgram collector, int pid)
    {
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < patience && !collector.HasExited; Thread.Sleep(10))
        {
            if (MappedRegion.Find(pid) is not { } region)
                continue;
            if ((AgentState)Volatile.Read(ref region.View.Control.State) == AgentState.Sampling)
                return region;
            region.Dispose();
        }
        collector.WaitForExit(TimeSpan.Zero);
        throw new BenchException(collector.Complaint);
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private sealed class Capture(ChildProgram collector, MappedRegion region, string profile) : IProfiling
    {
        /// <summary>As the agent publishes it, twenty times a second.</summary>
        public long? Samples => (long)region.View.Counter(Counter.Samples);

        public double? Stop()
        {
            collector.AskToEnd();
            if (collector.WaitForExit(patience) != 0)
                throw new BenchException(collector.Complaint);
            return null;
        }

        public void Dispose()
        {
            collector.Dispose();
            region.Dispose();
            File.Delete(profile);
        }
    }
}
