using System.Globalization;

namespace DotnetPprof.Tests.Harm;

/// <summary>What a process holds on to, as the kernel counts it.</summary>
/// <param name="Threads">Threads.</param>
/// <param name="Files">Open file descriptors.</param>
/// <param name="Mappings">Lines of its memory map.</param>
/// <param name="Timers">POSIX timers, or -1 where the kernel does not list them.</param>
/// <param name="ResidentKiB">Resident memory, shared included.</param>
/// <param name="MostResidentKiB">The most that it has been so far.</param>
/// <param name="SharedKiB">The part of it that is shared memory.</param>
internal sealed record ProcessState(int Threads, int Files, int Mappings, int Timers, long ResidentKiB, long MostResidentKiB, long SharedKiB)
{
    internal static ProcessState Of(int pid) => new(
        Directory.GetDirectories($"/proc/{pid}/task").Length,
        Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length,
        File.ReadAllLines($"/proc/{pid}/maps").Length,
        TimersOf(pid),
        long.Parse(Field(pid, "VmRSS:"), CultureInfo.InvariantCulture),
        long.Parse(Field(pid, "VmHWM:"), CultureInfo.InvariantCulture),
        long.Parse(Field(pid, "RssShmem:"), CultureInfo.InvariantCulture));

    internal static int TimersOf(int pid)
    {
        try
        {
            return File.ReadLines($"/proc/{pid}/timers").Count(line => line.StartsWith("ID:", StringComparison.Ordinal));
        }
        catch (FileNotFoundException)
        {
            return -1;
        }
    }

    /// <summary>Descriptors of perf events in the tables of all its threads, which may be one.</summary>
    internal static int PerfEventsOf(int pid) =>
        OfThreads(pid, task => Directory.GetFiles(task + "/fd").Count(path => new FileInfo(path).LinkTarget?.Contains("[perf_event]", StringComparison.Ordinal) == true)).Sum();

    /// <summary>Stopped as by SIGSTOP, and not by a tracer. False when it is gone.</summary>
    internal static bool IsStopped(int pid)
    {
        try
        {
            string[] status = File.ReadAllLines($"/proc/{pid}/status");
            return status.Contains("State:\tT (stopped)") && status.Contains("TracerPid:\t0");
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Whether none of its threads runs any more after a SIGSTOP.</summary>
    internal static bool HasStopped(int pid) =>
        OfThreads(pid, task => File.ReadAllText(task + "/stat")).TrueForAll(stat => stat[stat.LastIndexOf(')') + 2] == 'T');

    /// <summary>Bytes of a file's mappings that can be read: what a tool that reads all of a process gives memory to.</summary>
    internal static long ReadableBytes(int pid, string file) => File.ReadLines($"/proc/{pid}/maps")
        .Where(line => line.Contains(file, StringComparison.Ordinal) && line.Split(' ')[1][0] == 'r')
        .Sum(line => line.Split(' ')[0].Split('-') is [var from, var to] ? Hexadecimal(to) - Hexadecimal(from) : 0);

    private static long Hexadecimal(string text) => long.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    internal static bool Maps(int pid, string what) => File.ReadLines($"/proc/{pid}/maps").Any(line => line.Contains(what, StringComparison.Ordinal));

    /// <summary>CPU time of the threads of that name, in kernel ticks (commonly 10 ms).</summary>
    internal static long CpuTicks(int pid, string threadName)
    {
        long ticks = 0;
        foreach (string stat in OfThreads(pid, task => File.ReadAllText(task + "/stat")))
        {
            int end = stat.LastIndexOf(')');
            if (stat[(stat.IndexOf('(') + 1)..end] != threadName)
                continue;
            string[] fields = stat[(end + 2)..].Split(' ');
            ticks += long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        }
        return ticks;
    }

    /// <summary>Something of each of its threads; those that end meanwhile are left out.</summary>
    private static List<T> OfThreads<T>(int pid, Func<string, T> read)
    {
        var all = new List<T>();
        foreach (string task in Directory.GetDirectories($"/proc/{pid}/task"))
        {
            try
            {
                all.Add(read(task));
            }
            catch (IOException) when (Directory.Exists($"/proc/{pid}"))
            {
            }
        }
        return all;
    }

    private static string Field(int pid, string name) =>
        File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Trim().Split(' ')[0];
}
