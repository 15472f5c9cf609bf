using System.Diagnostics;
using DotnetPprof.Bench.Interop;
using DotnetPprof.Bench.Statistics;

namespace DotnetPprof.Bench.Compare;

/// <summary>A shell command, run as a process of its own each time.</summary>
internal sealed class CommandMeasurement(string command, Metric metric) : IMeasurement
{
    public string Name => command;

    public double Measure()
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true };
        double cpuBefore = Libc.ChildrenCpuSeconds();
        long before = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start) ?? throw new BenchException("there is no shell");
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        double wall = Stopwatch.GetElapsedTime(before).TotalSeconds;
        double cpu = Libc.ChildrenCpuSeconds() - cpuBefore;
        // A command that fails is often a fast one: its time must not be taken for a win.
        if (process.ExitCode != 0)
            throw new BenchException($"'{command}' ended with {process.ExitCode}: {LastLine(error.Result)}");
        if (metric.IsWall)
            return wall;
        if (metric.IsCpu)
            return cpu;
        try
        {
            return metric.Read(output);
        }
        catch (FormatException e)
        {
            throw new BenchException($"'{command}': {e.Message}");
        }
    }

    private static string LastLine(string text) => text.Trim().Split('\n')[^1];
}
