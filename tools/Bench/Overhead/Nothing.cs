namespace DotnetPprof.Bench.Overhead;

/// <summary>No profiler: how much two windows of the same differ.</summary>
internal sealed class Nothing : IContender
{
    public string Name => "nothing";

    public int? RateHz => null;

    public IProfiling Start(WorkTarget target) => new Idle();

    private sealed class Idle : IProfiling
    {
        public long? Samples => null;

        public double? Stop() => null;

        public void Dispose()
        {
        }
    }
}
