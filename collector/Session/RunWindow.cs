using DotnetPprof.Aggregate;
using DotnetPprof.Model;

namespace DotnetPprof.Session;

/// <summary>
/// What one run of the agent contributes to a window: samples, and what the process's clocks and the agent's counters
/// said at both of its ends, as far as the run reaches. Belongs to the run's drain until it is closed.
/// </summary>
/// <param name="samples">Where the run's samples go; disposed with this.</param>
/// <param name="closed">Called by the run on its drain, once, when all is there.</param>
internal sealed class RunWindow(SampleWindow samples, Action<RunWindow, RunAccount>? closed = null) : IDisposable
{
    private readonly Action<RunWindow, RunAccount>? closed = closed;

    public SampleWindow Samples { get; } = samples;

    /// <summary>At its begin, or the run's; null when the run ended before.</summary>
    public SessionReading? Start { get; private set; }

    /// <summary>At its end, or the run's.</summary>
    public SessionReading? End { get; private set; }

    /// <summary>Once closed.</summary>
    public NamedSamples Named { get; private set; }

    /// <summary>Notes what was read between two rounds of draining.</summary>
    public void Read(SessionReading before, SessionReading after)
    {
        if (Start is null && after.Time.Value >= Samples.From.Value)
            Start = SessionReading.At(Samples.From, before, after);
        if (Start is not null && End is null && after.Time.Value >= Samples.To.Value)
            End = SessionReading.At(Samples.To, before, after);
    }

    /// <summary>Nothing more is read of this window: the last reading ends it, and begins it if none has.</summary>
    public void EndAt(SessionReading last)
    {
        Start ??= last;
        End ??= last;
    }

    public void Close(NamedSamples named, RunAccount account)
    {
        Named = named;
        closed?.Invoke(this, account);
    }

    public void Dispose() => Samples.Dispose();
}
