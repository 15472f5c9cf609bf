using System.Globalization;

namespace DotnetPprof.Clock;

/// <summary>Collects the steps that the wall clock made during a capture.</summary>
internal sealed class ClockSteps
{
    /// <summary>A clock that is set every second is one finding, not one a second.</summary>
    private const int Listed = 8;

    private readonly List<string> notes = [];
    private int count;

    public IEnumerable<string> Notes => count <= Listed
        ? notes
        : notes.Append($"clock: the wall clock was stepped {count} times in all; only the first {Listed} are listed");

    /// <param name="before">CLOCK_REALTIME at the last anchor before the step, nanoseconds.</param>
    /// <param name="step">How far it jumped, in nanoseconds; negative when it was set back.</param>
    public void Add(long before, long step)
    {
        if (++count > Listed)
            return;
        string size = ((decimal)step / 1_000_000_000).ToString("+0.000000;-0.000000", CultureInfo.InvariantCulture);
        notes.Add($"clock: the wall clock was stepped by {size} s after {NoteText.Time(before)}; times follow the clock from before");
    }
}
