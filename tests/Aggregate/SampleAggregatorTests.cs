using DotnetPprof.Aggregate;
using DotnetPprof.Clock;
using DotnetPprof.Model;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Aggregate;

public class SampleAggregatorTests
{
    private const long Second = 1_000_000_000;

    private readonly FakeResolver resolver = new();
    private readonly Dictionary<int, ProfileThread> threads = Enumerable.Range(0, 9).ToDictionary(i => i, i => new ProfileThread(100 + i, $"t{i}"));

    [Fact]
    public void SamplesOfOneThreadAndStackAddUp()
    {
        OneWindow aggregator = New();
        aggregator.Add(Sample(1, 0xa, at: 1 * Second, cpu: 4));
        aggregator.Add(Sample(2, 0xa, at: 1 * Second, cpu: 5));
        aggregator.Add(Sample(1, 0xa, at: 2 * Second, cpu: 6));
        aggregator.Add(Sample(1, 0xb, at: 2 * Second, cpu: 7));

        IReadOnlyList<ProfileSample> samples = Build(aggregator);
        Assert.Equal(
            [(threads[1], 2L, 10L, "a@2"), (threads[2], 1L, 5L, "a@2"), (threads[1], 1L, 7L, "b@2")],
            samples.Select(s => (s.Thread!, s.Count, s.CpuNanos, FakeResolver.Names(s)[0])));
        Assert.All(samples, s => Assert.Null(s.Time));
        Assert.Equal((4, 0, 22), (aggregator.Aggregator.Samples, aggregator.Aggregator.LostSamples, aggregator.Aggregator.CpuNanos));
        Assert.Equal((4, 22), (aggregator.Window.Samples, aggregator.Window.CpuNanos));
        Assert.Equal(2, resolver.Resolved);
    }

    [Fact]
    public void ReusedAddressesStayApart()
    {
        OneWindow aggregator = New(new FakeGenerations(2 * Second));
        aggregator.Add(Sample(1, 0xa, at: 1 * Second, cpu: 1));
        aggregator.Add(Sample(1, 0xa, at: 3 * Second, cpu: 2));
        aggregator.Add(Sample(1, 0xa, at: 4 * Second, cpu: 4));
        Assert.Equal([("a@1", 1L), ("a@4", 6L)], Build(aggregator).Select(s => (FakeResolver.Names(s)[0], s.CpuNanos)));
    }

    [Fact]
    public void SamplesAreHeldUntilTheirCodeEventsMustBeThere()
    {
        var generations = new FakeGenerations();
        OneWindow aggregator = New(generations);
        aggregator.Add(Sample(1, 0xa, at: 1 * Second, cpu: 1));
        aggregator.Advance(new(1 * Second));
        aggregator.Add(Sample(1, 0xb, at: 2 * Second, cpu: 1));
        aggregator.Advance(new(2 * Second));
        aggregator.Advance(new(3 * Second - 1));
        Assert.Empty(generations.Asked);
        aggregator.Advance(new(3 * Second));
        Assert.Equal([1 * Second], generations.Asked);
        Build(aggregator);
        Assert.Equal([1 * Second, 2 * Second], generations.Asked);
    }

    [Fact]
    public void CorruptTimesDoNotHoldUpTheRest()
    {
        var generations = new FakeGenerations();
        OneWindow aggregator = New(generations);
        aggregator.Add(new SettledSample(1, Stack(0xa), new Ticks(ulong.MaxValue / 4), 1, 1));
        aggregator.Add(Sample(1, 0xb, at: 1 * Second, cpu: 1));
        aggregator.Advance(new(1 * Second));
        aggregator.Advance(new(4 * Second));
        Assert.Equal(2, generations.Asked.Count);
    }

    [Fact]
    public void HoldIsBounded()
    {
        var generations = new FakeGenerations();
        var aggregator = new OneWindow(Clock(), generations, holdCapacity: 10);
        for (int i = 0; i < 25; i++)
            aggregator.Add(Sample(1, 0xa, at: i, cpu: 1));
        aggregator.Advance(new(25));
        Assert.Equal(15, generations.Asked.Count);
        Assert.Equal(15, aggregator.Aggregator.ReleasedEarly);
        Assert.Equal(25, Build(aggregator).Single().Count);
    }

    [Fact]
    public void ManySamplesPassThroughTheHold()
    {
        OneWindow aggregator = New();
        for (int i = 0; i < 100_000; i++)
        {
            aggregator.Add(Sample(i % 3, (ulong)(1 + i % 7), at: i * 100_000L, cpu: 3));
            if (i % 1_000 == 999)
                aggregator.Advance(new(i * 100_000L));
        }
        IReadOnlyList<ProfileSample> samples = Build(aggregator);
        Assert.Equal(21, samples.Count);
        Assert.Equal((100_000, 300_000), (samples.Sum(s => s.Count), samples.Sum(s => s.CpuNanos)));
    }

    [Fact]
    public void LossesAreVisibleFrames()
    {
        OneWindow aggregator = New();
        aggregator.Add(new SettledSample(1, null, new Ticks(5), 12, 34));
        aggregator.Add(Sample(1, 0xa, at: 1, cpu: 1, StopReason.Depth));
        aggregator.Add(Sample(1, 0xa, at: 1, cpu: 1, StopReason.Unreadable));
        aggregator.Add(Sample(1, 0, at: 1, cpu: 1));
        IReadOnlyList<ProfileSample> samples = Build(aggregator);
        Assert.Equal(
            [
                "[lost samples]",
                "a@0 root [truncated: deeper than 512 frames]",
                "a@0 root [stack not readable]",
                "[unknown stack]",
            ],
            samples.Select(s => string.Join(' ', FakeResolver.Names(s))));
        Assert.Equal((12, 34), (samples[0].Count, samples[0].CpuNanos));
        Assert.Equal(12, aggregator.Aggregator.LostSamples);
    }

    [Fact]
    public void EveryStopReasonButRootHasAFrameOfItsOwn()
    {
        Assert.Null(SyntheticFrames.ForStop(StopReason.Root));
        List<string?> names = [.. Enum.GetValues<StopReason>().Append((StopReason)99).Skip(1).Select(SyntheticFrames.ForStop)];
        Assert.All(names, name => Assert.Matches(@"^\[[^\[\]]+\]$", name));
        Assert.Equal(names.Count, names.Distinct().Count());
    }

    [Fact]
    public void WithTimestampsEverySampleIsKeptWithItsTime()
    {
        using OneWindow aggregator = New(timestamps: true);
        aggregator.Add(Sample(1, 0xa, at: 1 * Second, cpu: 4));
        aggregator.Add(Sample(2, 0xa, at: 1 * Second + 5, cpu: 5));
        aggregator.Add(Sample(1, 0xa, at: 2 * Second, cpu: 6));
        aggregator.Add(new SettledSample(1, Stack(0xa), At(2 * Second), 0, 100));
        TimedProfileSamples timed = aggregator.Build(resolver, i => threads[i]).Timed!;
        List<ProfileSample> samples = [.. new JoinedTimedSamples([timed], [new ProfileSample([resolver.Synthetic("[x]")], null, 0, 1, null)])];
        Assert.Equal(
            [
                (threads[1], 1L, 4L, new UnixNanos(101 * Second)),
                (threads[2], 1L, 5L, new UnixNanos(101 * Second + 5)),
                (threads[1], 1L, 106L, new UnixNanos(102 * Second)),
                ((ProfileThread?)null, 0L, 1L, (UnixNanos?)null),
            ],
            samples.Select(s => (s.Thread, s.Count, s.CpuNanos, s.Time)));
        Assert.Same(samples[0].Stack, samples[2].Stack);
        Assert.Null(aggregator.Window.Untimed);
    }

    [Fact]
    public void AddressesThatAlternateBetweenGenerationsKeepTheirStacks()
    {
        OneWindow aggregator = New(new FakeGenerations(2 * Second, 5 * Second));
        for (int round = 0; round < 3; round++)
        {
            foreach (long at in (long[])[1 * Second, 3 * Second, 6 * Second])
                aggregator.Add(Sample(round, 0xa, at, cpu: 1));
        }
        IReadOnlyList<ProfileSample> samples = Build(aggregator);
        Assert.Equal(9, samples.Count);
        Assert.Equal(3, samples.Select(s => s.Stack).Distinct().Count());
        Assert.Equal(3, resolver.Resolved);
    }

    [Fact]
    public void ManyStacksStayApart()
    {
        OneWindow aggregator = New();
        for (int i = 0; i < 200_000; i++)
            aggregator.Add(new SettledSample(i % 3, new StackKey(new(0x7f00_0000_0000 + (ulong)(i / 2) * 16), (uint)(i % 5), StopReason.Root), At(i), 1, i));
        IReadOnlyList<ProfileSample> samples = Build(aggregator);
        Assert.Equal(200_000, samples.Count);
        Assert.Equal(Enumerable.Range(0, 200_000).Select(i => ((long)i, threads[i % 3])), samples.Select(s => (s.CpuNanos, s.Thread!)));
    }

    [Fact]
    public void TotalsOfGarbageDoNotTurnNegative()
    {
        OneWindow aggregator = New();
        for (int i = 0; i < 3; i++)
            aggregator.Add(new SettledSample(1, Stack(0xa), At(1), long.MaxValue / 2, long.MaxValue / 2));
        ProfileSample sample = Build(aggregator).Single();
        Assert.Equal((long.MaxValue, long.MaxValue), (sample.Count, sample.CpuNanos));
    }

    private static OneWindow New(FakeGenerations? generations = null, bool timestamps = false) =>
        new(Clock(), generations ?? new FakeGenerations(), timestamps ? Path.GetTempPath() : null);

    private IReadOnlyList<ProfileSample> Build(OneWindow aggregator) => aggregator.Build(resolver, i => threads[i]).Sums;

    /// <summary>A clock of 4 ticks a nanosecond whose wall clock is 100 s ahead of CLOCK_MONOTONIC.</summary>
    private static TickMap Clock()
    {
        var map = new TickMap(4_000_000_000);
        map.Add(new ClockAnchor(new(0), new(0), new(100 * Second), new(0)));
        return map;
    }

    private static Ticks At(long nanos) => new((ulong)nanos * 4);

    private static StackKey Stack(ulong leaf, StopReason stop = StopReason.Root) => new(new InstructionPointer(leaf), 9, stop);

    private static SettledSample Sample(int thread, ulong leaf, long at, long cpu, StopReason stop = StopReason.Root) =>
        new(thread, Stack(leaf, stop), At(at), 1, cpu);
}
