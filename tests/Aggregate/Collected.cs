using DotnetPprof.Aggregate;
using DotnetPprof.Model;

namespace DotnetPprof.Tests.Aggregate;

/// <summary>A sink that keeps what it gets.</summary>
internal sealed class Collected : ISettledSampleSink
{
    public List<SettledSample> Samples { get; } = [];

    public void Add(in SettledSample sample) => Samples.Add(sample);
}
