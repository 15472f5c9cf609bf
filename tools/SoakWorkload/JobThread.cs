namespace DotnetPprof.SoakWorkload;

/// <summary>The thread that does one job's rounds, until it is told to pause.</summary>
internal sealed class JobThread(Job job, int seed)
{
    private readonly Random random = new(seed);
    private volatile bool paused;
    private Thread? thread;

    internal Job Job => job;

    internal void Start()
    {
        paused = false;
        thread = new Thread(Work) { Name = $"job-{job.Name}", IsBackground = true };
        thread.Start();
    }

    internal void Pause()
    {
        paused = true;
        thread!.Join();
    }

    private void Work()
    {
        try
        {
            while (!paused)
            {
                job.Round(random);
                Interlocked.Increment(ref job.Checked);
            }
        }
        catch (Exception e)
        {
            /* The runner reads this; nothing else of the process is to be trusted any more. */
            Console.Out.WriteLine($"wrong {job.Name} {e.ToString().ReplaceLineEndings(" | ")}");
            Console.Out.Flush();
            Environment.Exit(Program.WrongResult);
        }
    }
}
