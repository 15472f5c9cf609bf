using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>
/// Every sample by itself, in order of arrival per thread. Where the store is full, what comes later is only added up.
/// </summary>
/// <param name="store">Where all are put but the latest of each thread; disposed with this.</param>
internal sealed class TimedSamples(ISampleStore store) : IDisposable
{
    /* By thread: held back, because CPU time may still come for them. */
    private NumberedSample[] latest = new NumberedSample[64];
    private bool[] hasLatest = new bool[64];

    /// <summary>Samples that have their times.</summary>
    public long Count => store.Count;

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
    public IEnumerable<NumberedSample> Read(long first) => store.Read(first);

    public void Dispose() => store.Dispose();

    private void Keep(in NumberedSample sample)
    {
        if (Error is not null)
        {
            Untimed.Add(sample.Thread, sample.Stack, sample.Count, sample.CpuNanos);
            return;
        }
        try
        {
            store.Add(sample);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Error = FileProblem.Of(e);
            UntimedSince = store.Unsaved[0].Time;
            foreach (NumberedSample left in store.Unsaved)
                Untimed.Add(left.Thread, left.Stack, left.Count, left.CpuNanos);
            store.DropUnsaved();
        }
    }
}
