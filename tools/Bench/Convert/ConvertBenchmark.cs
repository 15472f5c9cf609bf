using System.Diagnostics;
using DotnetPprof.Aggregate;
using DotnetPprof.Clock;
using DotnetPprof.Drain;
using DotnetPprof.Emit;
using DotnetPprof.Model;

namespace DotnetPprof.Bench.Convert;

/// <param name="Samples">Put into the rings, and found in the profile.</param>
/// <param name="Timestamps">Whether each was kept apart with its time.</param>
/// <param name="DrainSeconds">From the rings to sums, and to the spill file where samples have times.</param>
/// <param name="WriteSeconds">From there to the files: names, encoding, compression.</param>
/// <param name="CpuSeconds">CPU time of both, all threads: what is left of a measurement on a machine that is not idle.</param>
/// <param name="DrainPeakBytes">The process's resident high water while draining, the region and the runtime included.</param>
/// <param name="PeakBytes">The same over all.</param>
/// <param name="BaseBytes">The part of it that was there before the first sample.</param>
/// <param name="OutputBytes">Of all files.</param>
/// <param name="Files">How many there are.</param>
internal sealed record ConvertResult(
    long Samples, bool Timestamps, double DrainSeconds, double WriteSeconds, double CpuSeconds, long DrainPeakBytes, long PeakBytes, long BaseBytes, long OutputBytes, int Files)
{
    public double Seconds => DrainSeconds + WriteSeconds;

    public double DrainNanosPerSample => DrainSeconds * 1e9 / Samples;
}

/// <summary>
/// How long it takes to turn ring records into a profile, and what memory: the collector's own stages from the region to
/// the file, over a region in plain memory. What it costs to make the records up is not counted.
/// </summary>
internal static class ConvertBenchmark
{
    private const long AnchorEvery = 250_000_000;
    private const long UnixStart = 1_700_000_000_000_000_000;

    /// <summary>One measurement; in a process of its own, or memory of an earlier one is counted too.</summary>
    /// <param name="samples">How many; 20,000 different stacks of 15 to 40 frames over 30 threads.</param>
    /// <param name="timestamps">As the command line's option.</param>
    /// <param name="output">The profile's path; its parts are put beside it.</param>
    public static ConvertResult Run(long samples, bool timestamps, string output)
    {
        var stacks = new SyntheticStacks(seed: 3);
        using var region = new SyntheticRegion(stacks);
        var clock = new TickMap(1_000_000_000);
        var aggregator = new SampleAggregator(clock, new NoUnloads());
        using var window = SampleWindow.Everything(timestamps ? new TimedSamples(new SampleSpill(Path.GetDirectoryName(Path.GetFullPath(output))!)) : null);
        aggregator.Open(window);
        var drain = new RegionDrain(region.View, new KeptChains(region.View), aggregator);
        stacks.Kept = drain.Chains;
        GC.Collect(2, GCCollectionMode.Aggressive);
        PeakMemory.Reset();
        long before = PeakMemory.Resident;

        var draining = new Stopwatch();
        TimeSpan making = TimeSpan.Zero;
        TimeSpan cpuBefore = Environment.CpuUsage.TotalTime;
        long anchored = 0;
        for (long made = 0; made < samples;)
        {
            TimeSpan begun = Environment.CpuUsage.TotalTime;
            made += region.Fill(samples - made);
            making += Environment.CpuUsage.TotalTime - begun;
            draining.Start();
            for (; anchored <= region.Now; anchored += AnchorEvery)
                clock.Add(new ClockAnchor(new((ulong)anchored), new((ulong)anchored + 40), new(UnixStart + anchored), new(anchored)));
            drain.Drain();
            aggregator.Advance(new MonotonicNanos(region.Now));
            draining.Stop();
        }
        draining.Start();
        drain.Finish();
        draining.Stop();
        long drainPeak = PeakMemory.Bytes;

        var writing = Stopwatch.StartNew();
        var threads = new ProfileThread?[drain.Threads.Count];
        aggregator.ReleaseAll();
        NamedSamples built = window.Name(
            aggregator.Keys, clock, stacks, i => threads[i] ??= new ProfileThread((int)drain.Threads[i].Tid, drain.Threads[i].Name));
        var profile = new Profile(new UnixNanos(UnixStart), region.Now, 60_000, new Mapping(0, 0, 0, "/srv/app/App", "", true), built.Sums, ["convert"])
        {
            Timed = built.Timed is { } timed ? new JoinedTimedSamples([timed], []) : null,
        };
        IReadOnlyList<string> files = ProfileParts.Write(output, profile);
        writing.Stop();
        double cpu = (Environment.CpuUsage.TotalTime - cpuBefore - making).TotalSeconds;

        long counted = built.Sums.Sum(sample => sample.Count);
        if (counted != samples || drain.Chains.Corrupt > 0)
            throw new InvalidOperationException($"the profile has {counted} samples, {samples} were made");
        return new ConvertResult(
            samples, timestamps, draining.Elapsed.TotalSeconds, writing.Elapsed.TotalSeconds, cpu, drainPeak, PeakMemory.Bytes, before,
            files.Sum(file => new FileInfo(file).Length), files.Count);
    }

    private sealed class NoUnloads : ICodeGenerations
    {
        public int GenerationAt(MonotonicNanos time) => 0;
    }
}
