using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>
/// Every sample by itself, in order of arrival per thread, on disk but for the latest of each thread. Where the disk
/// is full, what comes later is only added up.
/// </summary>
/// <param name="directory">Where samples are put that are too many for the buffer.</param>
internal sealed class TimedSamples(string directory) : IDisposable
{
    private readonly SampleSpill spill = new(directory);

    /* By thread: held back, because CPU time may still come for them. */
    private NumberedSample[] latest = new NumberedSample[64];
    private bool[] hasLatest = new bool[64];

    /// <summary>Samples that have their times.</summary>
    public long Count => spill.Count;

    /// <summary>What came when there was no room any more.</summary>
    public SampleTotals Untimed { get; } = new();

    /// <summary>Why samples are without times, or null when none is.</summary>
    public string? Error { get; private set; }

    /// <summary>Time of the first sample that has none of its own; only valid when there is an <see cref="Error"/>.</summary>
    public Ticks UntimedSince { get; private set; }

    /// <summary>Adds a sample; CPU time without one (count 0) goes to the thread's latest, whose stack it has.</summary>
    public void Add(in NumberedSample sample)
    {
        if (sample.Thread >= latest.Length)
        {
            int size = Math.Max(sample.Thread + 1, latest.Length * 2);
            Array.Resize(ref latest, size);
            Array.Resize(ref hasLatest, size);
        }
        ref NumberedSample last = ref latest[sample.Thread];
        if (!hasLatest[sample.Thread])
        {
            hasLatest[sample.Thread] = true;
        }
        else if (sample.Count == 0)
        {
            last = last with { CpuNanos = Saturating.Add(last.CpuNanos, sample.CpuNanos) };
            return;
        }
        else
        {
            Keep(last);
        }
        last = sample;
    }

    /// <summary>After the last sample: what was held back joins the others, oldest first.</summary>
    public void Finish()
    {
        List<int> threads = [.. Enumerable.Range(0, latest.Length).Where(thread => hasLatest[thread])];
        foreach (int thread in threads.OrderBy(thread => latest[thread].Time.Value))
            Keep(latest[thread]);
        Array.Clear(hasLatest);
    }

    /// <summary>After <see cref="Finish"/>.</summary>
    public IEnumerable<NumberedSample> Read(long first) => spill.Read(first);

    public void Dispose() => spill.Dispose();

    private void Keep(in NumberedSample sample)
    {
        if (Error is not null)
        {
            Untimed.Add(sample.Thread, sample.Stack, sample.Count, sample.CpuNanos);
            return;
        }
        try
        {
            spill.Add(sample);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Error = FileProblem.Of(e);
            UntimedSince = spill.Buffered[0].Time;
            foreach (NumberedSample left in spill.Buffered)
                Untimed.Add(left.Thread, left.Stack, left.Count, left.CpuNanos);
            spill.DropBuffered();
        }
    }
}
