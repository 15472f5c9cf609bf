using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <param name="Thread">Index of the thread within the capture.</param>
/// <param name="Stack">Index of the stack in the <see cref="StackTable"/>.</param>
/// <param name="Time">When it was taken.</param>
/// <param name="Count">Stack samples it stands for.</param>
/// <param name="CpuNanos">CPU time it stands for.</param>
internal readonly record struct TimedSample(int Thread, int Stack, Ticks Time, long Count, long CpuNanos);

/// <summary>Every sample by itself, in order of arrival: 40 bytes each.</summary>
internal sealed class TimedSamples
{
    private const int ChunkSize = 8192;

    private readonly List<TimedSample[]> chunks = [];
    private readonly Dictionary<int, int> latestOfThread = [];

    public int Count { get; private set; }

    public ref TimedSample this[int index] => ref chunks[index / ChunkSize][index % ChunkSize];

    /// <summary>Adds a sample; CPU time without one (count 0) goes to the thread's latest, whose stack it has.</summary>
    public void Add(in TimedSample sample)
    {
        if (sample.Count == 0 && latestOfThread.TryGetValue(sample.Thread, out int latest))
        {
            ref TimedSample target = ref this[latest];
            target = target with { CpuNanos = Saturating.Add(target.CpuNanos, sample.CpuNanos) };
            return;
        }
        if (Count % ChunkSize == 0)
            chunks.Add(new TimedSample[ChunkSize]);
        latestOfThread[sample.Thread] = Count;
        this[Count++] = sample;
    }
}
