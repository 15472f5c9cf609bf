using DotnetPprof.Clock;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>Makes profile samples of the timed ones of one run of the agent, as they are asked for.</summary>
/// <param name="samples">Disposed with this.</param>
/// <param name="clock">Of the run; read while samples are.</param>
/// <param name="untimed">Those that found no room to be kept with their times.</param>
internal sealed class TimedProfileSamples(TimedSamples samples, TickMap clock, SampleSums untimed) : IDisposable
{
    /// <summary>In order of time per thread.</summary>
    public IEnumerable<ProfileSample> Timed => samples.Read(0).Select(sample => new ProfileSample(
        untimed.StackOf(sample.Stack), untimed.ThreadOf(sample.Thread), sample.Count, sample.CpuNanos, clock.ToUnix(sample.Time)));

    public IReadOnlyList<ProfileSample> Untimed => untimed;

    public void Dispose() => samples.Dispose();
}
