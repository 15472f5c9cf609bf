using DotnetPprof.Aggregate;
using DotnetPprof.Model;

namespace DotnetPprof.Session;

/// <summary>
/// One window of a process that is sampled for ever: it gets its parts from the runs of the agent that follow each other
/// in it. Guarded by its <see cref="ContinuousCapture"/>.
/// </summary>
/// <param name="bounds">When.</param>
/// <param name="isRegular">See <see cref="IsRegular"/>.</param>
/// <param name="finished">See <see cref="Finished"/>.</param>
/// <param name="keepsTimes">Whether each sample is kept with its time; beyond <see cref="MostTimes"/> they are only added up.</param>
internal sealed class CaptureWindow(WindowBounds bounds, bool isRegular, Action<CaptureWindow, CaptureResult?> finished, bool keepsTimes = false)
{
    /// <summary>Of a run in a window: 2 MiB. A minute of ten busy cores at the usual rate.</summary>
    private const int MostTimes = 1 << 16;

    private readonly List<WindowPart> parts = [];

    public WindowBounds Bounds { get; } = bounds;

    /// <summary>Whether it is one of those that follow each other.</summary>
    public bool IsRegular { get; } = isRegular;

    /// <summary>Told once of its profile; not at all when it was cancelled.</summary>
    public Action<CaptureWindow, CaptureResult?> Finished { get; } = finished;

    /// <summary>Whether it ended before its time.</summary>
    public bool IsCut => WallEnd.Value < Bounds.WallTo.Value;

    /// <summary>When it ended, as the wall clock shows it; valid once it is finished.</summary>
    public UnixNanos WallEnd { get; set; } = bounds.WallTo;

    public IReadOnlyList<WindowPart> Parts => parts;

    /// <summary>Parts that runs have still to hand in.</summary>
    public int Outstanding { get; private set; }

    /// <summary>The part that the current run samples into; null between two runs.</summary>
    public RunWindow? Current { get; private set; }

    /// <summary>Makes the part for a run.</summary>
    /// <param name="closed">Called by the run when it is done.</param>
    public RunWindow Enter(Action<RunWindow, RunAccount> closed)
    {
        Outstanding++;
        TimedSamples? timed = keepsTimes ? new TimedSamples(new SampleMemory(MostTimes)) : null;
        return Current = new RunWindow(new SampleWindow(Bounds.From, Bounds.To, takesLate: IsRegular, timed), closed);
    }

    /// <summary>The current run ends: what comes is another's.</summary>
    public void Leave() => Current = null;

    public void Take(RunWindow part, RunAccount account)
    {
        Outstanding--;
        /* Runs may hand in out of order: the end of one takes a while, and the next goes on meanwhile. */
        int at = parts.FindIndex(other => other.Window.Start?.Time.Value > part.Start?.Time.Value);
        parts.Insert(at < 0 ? parts.Count : at, new WindowPart(part, account));
    }
}
