namespace DotnetPprof.Aggregate;

/// <summary>A sequence of samples in memory, 32 bytes each, up to a bound.</summary>
/// <param name="most">Samples that it has room for.</param>
internal sealed class SampleMemory(int most) : ISampleStore
{
    private readonly List<NumberedSample> samples = [];
    private readonly NumberedSample[] refused = new NumberedSample[1];
    private bool hasRefused;

    public long Count => samples.Count;

    public ReadOnlySpan<NumberedSample> Unsaved => hasRefused ? refused : [];

    public void Add(in NumberedSample sample)
    {
        if (samples.Count < most)
        {
            samples.Add(sample);
            return;
        }
        refused[0] = sample;
        hasRefused = true;
        throw new IOException($"there is room for {most} samples");
    }

    public void DropUnsaved() => hasRefused = false;

    public IEnumerable<NumberedSample> Read(long first) => samples.Skip((int)Math.Min(first, int.MaxValue));

    public void Dispose() => samples.Clear();
}
