using DotnetPprof.Model;
using DotnetPprof.Session;

namespace DotnetPprof.Serve;

/// <summary>A window as it is remembered after its samples are gone.</summary>
internal sealed record PastWindow(
    UnixNanos From, UnixNanos To, bool IsCut, long Samples, long CpuNanos, long UnsampledNanos, double Overhead, double RateHz, string RateNote, string FileName);

/// <summary>Over all windows of a process.</summary>
/// <param name="Windows">How many.</param>
/// <param name="Samples">Stack samples in them.</param>
/// <param name="CpuNanos">CPU time of the process in them.</param>
/// <param name="UnsampledNanos">The part of it that no sample stands for.</param>
internal readonly record struct WindowTotals(long Windows, long Samples, long CpuNanos, long UnsampledNanos);

/// <summary>What the regular windows of a process had in them: sums over all, and the last few. Any thread may ask.</summary>
internal sealed class TargetHistory
{
    private const int Remembered = 10;

    private readonly Lock gate = new();
    private readonly Queue<PastWindow> last = new();
    private readonly Dictionary<string, LossCount> losses = [];
    private WindowTotals totals;

    /// <summary>The newest last.</summary>
    public IReadOnlyList<PastWindow> Last
    {
        get
        {
            lock (gate)
                return [.. last];
        }
    }

    public IReadOnlyList<LossCount> Losses
    {
        get
        {
            lock (gate)
                return [.. losses.Values];
        }
    }

    public WindowTotals Totals
    {
        get
        {
            lock (gate)
                return totals;
        }
    }

    public void Add(FinishedWindow window)
    {
        CaptureSummary summary = window.Summary;
        lock (gate)
        {
            totals = new WindowTotals(
                totals.Windows + 1, totals.Samples + summary.Samples, totals.CpuNanos + summary.CpuNanos, totals.UnsampledNanos + summary.UnsampledNanos);
            foreach (LossCount loss in summary.Losses)
                losses[loss.Key] = loss with { Count = loss.Count + losses.GetValueOrDefault(loss.Key).Count };
            last.Enqueue(new PastWindow(
                window.From, window.To, window.IsCut, summary.Samples, summary.CpuNanos, summary.UnsampledNanos, summary.Overhead, summary.RateArmedHz, summary.RateNote, WindowName.Of(window)));
            if (last.Count > Remembered)
                last.Dequeue();
        }
    }
}
