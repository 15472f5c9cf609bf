namespace DotnetPprof.Aggregate;

/// <summary>A sequence of samples, kept somewhere that has an end.</summary>
internal interface ISampleStore : IDisposable
{
    /// <summary>Samples kept.</summary>
    long Count { get; }

    /// <summary>After an <see cref="Add"/> that failed: what is kept, if at all, only here.</summary>
    ReadOnlySpan<NumberedSample> Unsaved { get; }

    /// <exception cref="IOException">
    /// There is no room. The sample is among <see cref="Unsaved"/>, and nothing may be added any more.
    /// </exception>
    void Add(in NumberedSample sample);

    /// <summary>Takes what is unsaved out of the sequence.</summary>
    void DropUnsaved();

    /// <summary>From a position on, in the order they were added. Nothing may be added meanwhile.</summary>
    IEnumerable<NumberedSample> Read(long first);
}
