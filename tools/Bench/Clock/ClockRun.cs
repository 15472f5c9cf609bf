using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using BenchmarkDotNet.Validators;
using Perfolizer.Horology;

namespace DotnetPprof.Bench.Clock;

/// <summary>One way of reading a clock, measured.</summary>
/// <param name="Group">From where, and how it is called.</param>
/// <param name="Name">What is called.</param>
/// <param name="MedianNs">Nanoseconds of CPU time a call.</param>
/// <param name="StandardDeviationNs">Between iterations.</param>
/// <param name="LowestNs">Of all iterations: what the machine's other work disturbed least.</param>
/// <param name="AllocatedBytes">A call, on the managed heap.</param>
internal sealed record ClockCost(string Group, string Name, double MedianNs, double StandardDeviationNs, double LowestNs, double AllocatedBytes);

/// <summary>Runs <see cref="ClockBenchmarks"/> in this process: a process for each would take minutes to start them all.</summary>
internal static class ClockRun
{
    internal static IReadOnlyList<ClockCost> Run(bool quick, bool verbose)
    {
        DirectoryInfo artifacts = Directory.CreateTempSubdirectory("bench");
        try
        {
            Summary summary = BenchmarkRunner.Run<ClockBenchmarks>(Configuration(quick, verbose, artifacts.FullName));
            if (summary.HasCriticalValidationErrors)
                throw new BenchException(string.Join("; ", summary.ValidationErrors.Where(error => error.IsCritical).Select(error => error.Message)));
            return [.. summary.Reports.Select(Cost).OrderBy(cost => Array.IndexOf(ClockBenchmarks.Groups, cost.Group))];
        }
        finally
        {
            artifacts.Delete(recursive: true);
        }
    }

    private static IConfig Configuration(bool quick, bool verbose, string artifacts)
    {
        Job job = Job.Default
            .WithToolchain(InProcessEmitToolchain.Instance)
            .WithClock(new ThreadCpuClock())
            .WithWarmupCount(quick ? 2 : 5)
            .WithIterationCount(quick ? 7 : 21)
            .WithIterationTime(TimeInterval.FromMilliseconds(quick ? 50 : 120))
            .WithEvaluateOverhead(false); // ten thousand calls share one
        return ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddLogger(verbose ? ConsoleLogger.Default : NullLogger.Instance)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddValidator(JitOptimizationsValidator.FailOnError)
            .WithArtifactsPath(artifacts);
    }

    private static ClockCost Cost(BenchmarkReport report)
    {
        BenchmarkCase measured = report.BenchmarkCase;
        string group = measured.Descriptor.Categories[0];
        string name = measured.HasParameters ? (string)measured.Parameters[0].Value : measured.Descriptor.WorkloadMethodDisplayInfo.Trim('\'');
        if (report.ResultStatistics is not { } statistics)
            throw new BenchException($"{group}, {name}: not measured");
        double allocated = report.GcStats.GetBytesAllocatedPerOperation(measured) ?? 0;
        return new ClockCost(group, name, statistics.Median, statistics.StandardDeviation, statistics.Min, allocated);
    }
}
