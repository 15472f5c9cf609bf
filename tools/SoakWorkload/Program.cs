using DotnetPprof.SoakWorkload.Jobs;

namespace DotnetPprof.SoakWorkload;

/// <summary>
/// SoakWorkload SEED JOB...: does the jobs side by side and checks what comes of them. Obeys lines from standard input:
/// "report" prints a line of NAME:CHECKED:INTERRUPTED, "pause" ends all work and collects the garbage, "resume" takes it
/// up again, "end HOW" ends the process. A wrong result prints "wrong NAME WHAT" and ends it with code 70.
/// </summary>
internal static class Program
{
    internal const int WrongResult = 70;

    private static int Main(string[] args)
    {
        int seed = int.Parse(args[0]);
        Job[] jobs = [.. AllJobs.Named(args[1..])];
        JobThread[] threads = [.. jobs.Select((job, index) => new JobThread(job, seed + index))];
        foreach (JobThread thread in threads)
            thread.Start();
        Say($"ready {Environment.ProcessId}");
        while (Console.ReadLine() is { } line)
        {
            string[] words = line.Split(' ');
            switch (words[0])
            {
                case "report":
                    Say("report " + string.Join(' ', jobs.Select(job => $"{job.Name}:{Interlocked.Read(ref job.Checked)}:{Interlocked.Read(ref job.Interrupted)}")));
                    break;
                case "pause":
                    Array.ForEach(threads, thread => thread.Pause());
                    Collect();
                    Say("paused");
                    break;
                case "resume":
                    Array.ForEach(threads, thread => thread.Start());
                    Say("resumed");
                    break;
                case "end":
                    return Endings.End(words[1]);
                default:
                    throw new ArgumentException(line);
            }
        }
        return 0;
    }

    private static void Collect()
    {
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private static void Say(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }
}
