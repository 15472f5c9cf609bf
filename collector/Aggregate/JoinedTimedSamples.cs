using System.Collections;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>The timed samples of runs that follow each other; behind them come those that have no time.</summary>
/// <param name="parts">In order of time; disposed with this.</param>
/// <param name="process">Time of the process as a whole, which comes last.</param>
internal sealed class JoinedTimedSamples(IReadOnlyList<TimedProfileSamples> parts, IReadOnlyList<ProfileSample> process) : ITimedSamples
{
    public IEnumerator<ProfileSample> GetEnumerator() =>
        parts.SelectMany(part => part.Timed).Concat(parts.SelectMany(part => part.Untimed)).Concat(process).GetEnumerator();

    public void Dispose()
    {
        foreach (TimedProfileSamples part in parts)
            part.Dispose();
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
