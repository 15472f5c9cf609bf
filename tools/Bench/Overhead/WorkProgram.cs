using System.Globalization;
using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Overhead;

/// <summary>Something to be done over and over by one thread.</summary>
internal interface IWork
{
    /// <summary>A unit of it: microseconds, always about as many.</summary>
    void Unit();
}

/// <summary>The program that is profiled: works until its standard input ends.</summary>
internal static class WorkProgram
{
    internal const string Compute = "compute";
    internal const string Mixed = "mixed";

    /// <summary>What a workload is, in a few words.</summary>
    internal static string Describe(string workload) => workload == Compute
        ? "one thread: managed arithmetic, 15 frames deep, no allocation"
        : "two threads: strings, dictionaries, sorting, allocation, clock reads by P/Invoke";

    internal static int ThreadsOf(string workload) => workload == Compute ? 1 : 2;

    /// <param name="workload">One of the names above.</param>
    /// <param name="counters">Path of the file in which its threads count.</param>
    internal static void Run(string workload, string counters)
    {
        using var work = new WorkCounters(counters);
        int[] tids = new int[ThreadsOf(workload)];
        using var started = new CountdownEvent(tids.Length);
        for (int i = 0; i < tids.Length; i++)
        {
            int number = i;
            new Thread(() =>
            {
                tids[number] = Libc.ThreadId();
                started.Signal();
                Work(workload == Compute ? new ComputeWork() : new MixedWork(), ref work.Of(number));
            })
            { Name = $"work {number}", IsBackground = true }.Start();
        }
        started.Wait();
        Console.WriteLine(string.Join(' ', tids.Select(tid => tid.ToString(CultureInfo.InvariantCulture))));
        Console.ReadLine();
        Environment.Exit(0); // its threads do not stop
    }

    private static void Work(IWork work, ref long done)
    {
        while (true)
        {
            work.Unit();
            Volatile.Write(ref done, done + 1);
        }
    }
}
