using DotnetPprof.Aggregate;
using DotnetPprof.Clock;
using DotnetPprof.Model;

namespace DotnetPprof.Tests.Aggregate;

/// <summary>An aggregation with one window over all of it, as a capture has.</summary>
internal sealed class OneWindow : IDisposable
{
    private readonly TickMap clock;

    /// <param name="clock">With an anchor.</param>
    /// <param name="generations">Of the code.</param>
    /// <param name="timesIn">Where samples with times go; null for sums alone.</param>
    /// <param name="holdCapacity">Samples held at most.</param>
    public OneWindow(TickMap clock, ICodeGenerations generations, string? timesIn = null, int holdCapacity = 2_000_000)
    {
        this.clock = clock;
        Aggregator = new SampleAggregator(clock, generations, holdCapacity: holdCapacity);
        Window = SampleWindow.Everything(timesIn is null ? null : new TimedSamples(new SampleSpill(timesIn)));
        Aggregator.Open(Window);
    }

    public SampleAggregator Aggregator { get; }

    public SampleWindow Window { get; }

    public void Add(in SettledSample sample) => Aggregator.Add(sample);

    public void Advance(MonotonicNanos now) => Aggregator.Advance(now);

    public NamedSamples Build(IStackResolver resolver, Func<int, ProfileThread> threads)
    {
        Aggregator.ReleaseAll();
        return Window.Name(Aggregator.Keys, clock, resolver, threads);
    }

    public void Dispose() => Window.Dispose();
}
