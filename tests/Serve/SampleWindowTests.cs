using DotnetPprof.Aggregate;
using DotnetPprof.Clock;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Tests.Aggregate;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>Samples go to the windows that their own time lies in.</summary>
public class SampleWindowTests
{
    private const long Second = 1_000_000_000;

    private readonly SampleAggregator aggregator = new(Clock(), new FakeGenerations());

    [Fact]
    public void WindowsThatAbutShareAllSamplesWithoutOneTwice()
    {
        List<SampleWindow> windows = [.. Enumerable.Range(0, 10).Select(i => new SampleWindow(new(i * Second), new((i + 1) * Second), takesLate: true))];
        var random = new Random(7);
        long samples = 0;
        long cpu = 0;
        int opened = 0;
        for (long now = 0; now < 14 * Second; now += Second / 4)
        {
            /* As late as it can be: what is held has not been dealt out. */
            for (; opened < windows.Count && windows[opened].From.Value + 3 * Second / 2 <= now; opened++)
                aggregator.Open(windows[opened]);
            for (int i = 0; i < 100 && now < 10 * Second; i++, samples++)
            {
                long nanos = random.Next(1, 1000);
                cpu += nanos;
                aggregator.Add(Sample(now + random.NextInt64(Second / 4), nanos));
            }
            aggregator.Advance(new(now + Second / 4));
        }
        Assert.Equal((samples, cpu), (windows.Sum(window => window.Samples), windows.Sum(window => window.CpuNanos)));
        Assert.All(windows, window => Assert.Equal(400, window.Samples));
    }

    [Fact]
    public void WindowsOverlapWithoutTakingFromEachOther()
    {
        var all = new SampleWindow(new(0), new(10 * Second));
        var some = new SampleWindow(new(3 * Second), new(5 * Second));
        aggregator.Open(all);
        aggregator.Open(some);
        for (int i = 0; i < 10; i++)
            aggregator.Add(Sample(i * Second, 1));
        aggregator.ReleaseAll();
        Assert.Equal((10, 2), (all.Samples, some.Samples));
    }

    [Fact]
    public void AWindowThatWasClosedGetsNothingMore()
    {
        var window = new SampleWindow(new(0), new(10 * Second));
        aggregator.Open(window);
        aggregator.Add(Sample(1, 1));
        aggregator.Advance(new(1));
        aggregator.Advance(new(3 * Second));
        aggregator.Close(window);
        aggregator.Add(Sample(2, 1));
        aggregator.ReleaseAll();
        Assert.Equal(1, window.Samples);
    }

    [Fact]
    public void CpuTimeOfAnEarlierWindowsSampleIsTheRegularOnes()
    {
        var regular = new SampleWindow(new(5 * Second), new(10 * Second), takesLate: true);
        var asked = new SampleWindow(new(5 * Second), new(10 * Second));
        aggregator.Open(regular);
        aggregator.Open(asked);
        aggregator.Add(Sample(2 * Second, 77));
        aggregator.ReleaseAll();
        Assert.Equal((77, 0), (regular.CpuNanos, asked.CpuNanos));
    }

    private static SettledSample Sample(long at, long cpu) =>
        new(1, new StackKey(new((ulong)(1 + at % 13)), 0, StopReason.Root), new Ticks((ulong)at), 1, cpu);

    private static TickMap Clock()
    {
        var map = new TickMap(1_000_000_000);
        map.Add(new ClockAnchor(new(0), new(0), new(100 * Second), new(0)));
        return map;
    }
}
