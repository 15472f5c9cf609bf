using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>Takes samples whose CPU time is known, in order per thread.</summary>
internal interface ISettledSampleSink
{
    void Add(in SettledSample sample);
}
