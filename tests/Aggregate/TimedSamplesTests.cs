using DotnetPprof.Aggregate;
using DotnetPprof.Clock;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Tests.Files;
using Xunit;

namespace DotnetPprof.Tests.Aggregate;

public sealed class TimedSamplesTests : IDisposable
{
    /// <summary>Several times what the spill keeps in memory, and no multiple of it.</summary>
    private const int Many = 150_001;

    private readonly string directory = Directory.CreateTempSubdirectory("dotnet-pprof-test-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void SamplesComeBackAsTheyWentInFromAnyPosition()
    {
        using var spill = new SampleSpill(directory);
        for (int i = 0; i < Many; i++)
            spill.Add(Sample(i));
        Assert.Equal(Many, spill.Count);
        Assert.InRange(spill.Stored, 1, Many - 1);
        foreach (int first in (int[])[0, 1, 32_767, 32_768, 100_000, Many - 1, Many])
            Assert.Equal(Enumerable.Range(first, Many - first).Select(Sample), spill.Read(first));
    }

    [Fact]
    public void FileHasNoNameAndIsGoneAfterwards()
    {
        var spill = new SampleSpill(directory);
        for (int i = 0; i < Many; i++)
            spill.Add(Sample(i));
        Assert.Empty(Directory.GetFileSystemEntries(directory));
        Assert.Single(OpenFilesIn(directory));
        spill.Dispose();
        Assert.Empty(OpenFilesIn(directory));
        Assert.Empty(spill.Read(0));
    }

    [Fact]
    public void FewSamplesNeedNoFile()
    {
        using var spill = new SampleSpill("/nonexistent");
        for (int i = 0; i < 1000; i++)
            spill.Add(Sample(i));
        Assert.Equal(1000, spill.Read(0).Count());
    }

    [Fact]
    public void ThreadsKeepTheirOrderAndEverySampleIsThere()
    {
        using var timed = new TimedSamples(new SampleSpill(directory));
        var random = new Random(1);
        for (int i = 0; i < Many; i++)
            timed.Add(new NumberedSample(random.Next(200), i % 11, new Ticks((ulong)i), 1, 2));
        timed.Finish();
        List<NumberedSample> all = [.. timed.Read(0)];
        Assert.Equal(Many, all.Count);
        Assert.Equal(Enumerable.Range(0, Many).Select(i => (ulong)i), all.Select(s => s.Time.Value).Order());
        foreach (IGrouping<int, NumberedSample> thread in all.GroupBy(s => s.Thread))
            Assert.Equal(thread.OrderBy(s => s.Time.Value), thread);
    }

    [Fact]
    public void CpuTimeWithoutASampleGoesToTheThreadsLatest()
    {
        using var timed = new TimedSamples(new SampleSpill(directory));
        timed.Add(new NumberedSample(1, 7, new Ticks(10), 1, 5));
        timed.Add(new NumberedSample(2, 8, new Ticks(11), 1, 6));
        timed.Add(new NumberedSample(1, 7, new Ticks(10), 0, 100));
        timed.Add(new NumberedSample(1, 9, new Ticks(12), 1, 1));
        timed.Add(new NumberedSample(3, 9, new Ticks(5), 0, 4));
        timed.Finish();
        Assert.Equal(
            [(1, 10UL, 1L, 105L), (3, 5UL, 0L, 4L), (2, 11UL, 1L, 6L), (1, 12UL, 1L, 1L)],
            timed.Read(0).Select(s => (s.Thread, s.Time.Value, s.Count, s.CpuNanos)));
    }

    [Fact]
    public void StreamedAndSummedAreTheSame()
    {
        using var aggregator = new OneWindow(Clock(), new FakeGenerations(40_000), directory);
        var random = new Random(2);
        for (int i = 0; i < Many; i++)
        {
            StackKey? stack = random.Next(50) == 0 ? null : new StackKey(new((ulong)random.Next(1, 90)), 3, StopReason.Root);
            aggregator.Add(new SettledSample(random.Next(20), stack, new Ticks((ulong)i), random.Next(8) == 0 ? 0 : 1, random.Next(1000)));
            if (i % 10_000 == 0)
                aggregator.Advance(new(i * 1_000_000L));
        }
        var threads = Enumerable.Range(0, 20).Select(i => new ProfileThread(i, "")).ToList();
        NamedSamples built = aggregator.Build(new FakeResolver(), i => threads[i]);
        List<ProfileSample> all = [.. new JoinedTimedSamples([built.Timed!], [])];
        Assert.Equal(aggregator.Window.CpuNanos, all.Sum(s => s.CpuNanos));
        Assert.Equal(aggregator.Window.Samples + aggregator.Aggregator.LostSamples, all.Sum(s => s.Count));
        Assert.Equal(ByStack(built.Sums), ByStack(all));

        // CPU time that came late went to the thread's latest sample, of whatever stack: threads agree to the nanosecond.
        static IEnumerable<(ProfileThread?, long, long)> ByStack(IEnumerable<ProfileSample> samples) => samples
            .GroupBy(s => s.Thread, (thread, all) => (thread, all.Sum(s => s.Count), all.Sum(s => s.CpuNanos))).OrderBy(s => s.thread?.Id);
    }

    [Fact]
    public void FullDiskCostsTimesButNoSamples()
    {
        using var disk = SmallDisk.Mount(megabytes: 2);
        using var aggregator = new OneWindow(Clock(), new FakeGenerations(), disk.Path);
        for (int i = 0; i < Many; i++)
            aggregator.Add(new SettledSample(i % 3, new StackKey(new((ulong)(1 + i % 7)), 3, StopReason.Root), new Ticks((ulong)i), 1, 2));
        var threads = Enumerable.Range(0, 3).Select(i => new ProfileThread(i, "")).ToList();
        NamedSamples built = aggregator.Build(new FakeResolver(), i => threads[i]);
        List<ProfileSample> all = [.. new JoinedTimedSamples([built.Timed!], [])];
        Assert.Equal((Many, 2L * Many), (all.Sum(s => s.Count), all.Sum(s => s.CpuNanos)));
        Assert.Equal(Many, built.Sums.Sum(s => s.Count));
        int kept = all.Count(s => s.Time is not null);
        Assert.InRange(kept, 1, Many - 1);
        Assert.Equal(21, all.Count - kept);
        Assert.All(all.Take(kept), s => Assert.NotNull(s.Time));
        (string error, Ticks since) = aggregator.Window.Untimed!.Value;
        Assert.Equal("No space left on device", error);
        Assert.InRange((long)since.Value, kept - 3, kept + 3);
    }

    [Fact]
    public void FullMemoryCostsTimesButNoSamples()
    {
        using var timed = new TimedSamples(new SampleMemory(100));
        for (int i = 0; i < 1000; i++)
            timed.Add(Sample(i));
        timed.Finish();
        List<NumberedSample> kept = [.. timed.Read(0)];
        Assert.Equal(Enumerable.Range(0, 100).Select(Sample), kept);
        Assert.Equal([Sample(98), Sample(99)], timed.Read(98));
        SampleTotals rest = timed.Untimed;
        Assert.Equal(900, Enumerable.Range(0, rest.Count).Sum(i => rest[i].Count));
        Assert.Equal(Enumerable.Range(100, 900).Sum(i => Sample(i).CpuNanos), Enumerable.Range(0, rest.Count).Sum(i => rest[i].CpuNanos));
        Assert.Equal((100L, Sample(100).Time), (timed.Count, timed.UntimedSince));
    }

    private static IEnumerable<string> OpenFilesIn(string directory) => Directory.GetFiles("/proc/self/fd")
        .Select(fd => new FileInfo(fd).LinkTarget ?? "").Where(target => target.StartsWith(directory, StringComparison.Ordinal));

    private static NumberedSample Sample(int i) => new(i % 5, i % 9, new Ticks((ulong)i * 3), 1, i);

    private static TickMap Clock()
    {
        var map = new TickMap(1_000_000_000);
        map.Add(new ClockAnchor(new(0), new(0), new(0), new(0)));
        return map;
    }
}
