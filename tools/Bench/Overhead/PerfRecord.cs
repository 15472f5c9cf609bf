using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using DotnetPprof.Bench.Processes;
using DotnetPprof.Session;

namespace DotnetPprof.Bench.Overhead;

/// <summary><c>perf record -g</c>, by its default event.</summary>
internal sealed partial class PerfRecord(int rateHz) : IContender
{
    internal const string Label = "perf record -g";

    private static readonly TimeSpan patience = TimeSpan.FromSeconds(30);

    public string Name => Label;

    public int? RateHz => rateHz;

    public IProfiling Start(WorkTarget target)
    {
        string data = Path.Combine(Path.GetTempPath(), $"overhead-{Environment.ProcessId}.perf");
        ChildProgram perf = ChildProgram.Start(
            "perf", "record", "-g", "-F", Text(rateHz), "-p", Text(target.Pid), "-o", data);
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < patience && !perf.HasExited; Thread.Sleep(10))
        {
            if (ProcFs.Descriptors(perf.Id)?.Any(file => file.Target == "anon_inode:[perf_event]") == true)
                return new Recording(perf, data);
        }
        using (perf)
            throw new BenchException(perf.Complaint);
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\(~?(\d+) samples\)")]
    private static partial Regex SampleCount();

    private sealed class Recording(ChildProgram perf, string data) : IProfiling
    {
        private readonly long start = Stopwatch.GetTimestamp();

        public long? Samples => null;

        public double? Stop()
        {
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            perf.AskToEnd();
            int code = perf.WaitForExit(patience);
            Match count = SampleCount().Match(perf.Complaint);
            return count.Success ? int.Parse(count.Groups[1].Value, CultureInfo.InvariantCulture) / seconds : throw new BenchException($"exit code {code}, {perf.Complaint}");
        }

        public void Dispose()
        {
            perf.Dispose();
            File.Delete(data);
        }
    }
}
