using System.Globalization;

namespace DotnetPprof.Bench.Processes;

/// <summary>What a process uses, as the kernel counts it.</summary>
/// <param name="CpuSeconds">User and system, of all its threads, in the kernel's hundredths.</param>
/// <param name="ResidentBytes">Now, what it shares with others included.</param>
/// <param name="PeakBytes">The most there has been.</param>
internal readonly record struct ProcessUsage(double CpuSeconds, long ResidentBytes, long PeakBytes)
{
    /* USER_HZ, in which /proc states times: 100 on every architecture that .NET runs on. */
    private const double TicksPerSecond = 100;

    /// <summary>All zero for one that is gone.</summary>
    internal static ProcessUsage Of(int pid)
    {
        try
        {
            string directory = $"/proc/{pid.ToString(CultureInfo.InvariantCulture)}";
            double cpu = CpuSecondsIn(directory);
            string[] status = File.ReadAllLines($"{directory}/status");
            return new ProcessUsage(cpu, Kilobytes(status, "VmRSS:"), Kilobytes(status, "VmHWM:"));
        }
        catch (IOException)
        {
            return default;
        }
    }

    /// <summary>CPU seconds of a process's threads of that name that there are now.</summary>
    internal static double CpuSecondsOf(int pid, string threadName) =>
        Directory.EnumerateDirectories($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/task")
            .Where(task => File.ReadAllText($"{task}/comm").Trim() == threadName).Sum(CpuSecondsIn);

    private static double CpuSecondsIn(string directory)
    {
        string stat = File.ReadAllText($"{directory}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Number(fields[11]) + Number(fields[12])) / TicksPerSecond;
    }

    private static long Kilobytes(string[] status, string name)
    {
        string? line = Array.Find(status, line => line.StartsWith(name, StringComparison.Ordinal));
        return line is null ? 0 : Number(line.AsSpan(name.Length).Trim().TrimEnd("kB").Trim()) * 1024;
    }

    private static long Number(ReadOnlySpan<char> text) => long.Parse(text, CultureInfo.InvariantCulture);
}
