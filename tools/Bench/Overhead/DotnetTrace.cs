using System.Diagnostics;
using System.Globalization;
using DotnetPprof.Bench.Processes;

namespace DotnetPprof.Bench.Overhead;

/// <summary><c>dotnet-trace collect</c> with its defaults, which has a rate of its own.</summary>
internal sealed class DotnetTrace : IContender
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(60);

    public string Name => "dotnet-trace collect";

    public int? RateHz => null;

    public IProfiling Start(WorkTarget target)
    {
        string data = Path.Combine(Path.GetTempPath(), $"overhead-{Environment.ProcessId}.nettrace");
        ChildProgram trace = ChildProgram.Start(
            DotnetTraceTool.Installed(), "collect", "-p", target.Pid.ToString(CultureInfo.InvariantCulture), "-o", data);
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < patience && !trace.HasExited; Thread.Sleep(10))
        {
            if (new FileInfo(data) is { Exists: true, Length: > 0 })
                return new Tracing(trace, data);
        }
        using (trace)
            throw new BenchException(trace.Complaint);
    }

    private sealed class Tracing(ChildProgram trace, string data) : IProfiling
    {
        public long? Samples => null;

        public double? Stop()
        {
            trace.AskToEnd();
            if (trace.WaitForExit(patience) != 0)
                throw new BenchException(trace.Complaint);
            return null;
        }

        public void Dispose()
        {
            trace.Dispose();
            File.Delete(data);
        }
    }
}
