using DotnetPprof.Clock;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>CPU time of the process as a whole, shown as one synthetic frame.</summary>
/// <param name="Name">The frame's name; see <see cref="SyntheticFrames"/>.</param>
/// <param name="CpuNanos">Nanoseconds; nothing is shown for 0 or less.</param>
internal readonly record struct ProcessTime(string Name, long CpuNanos);

/// <summary>
/// Adds up samples by thread, stack and code generation, or keeps each with its time. Samples come in any order across
/// threads and in order per thread.
/// <para>
/// The runtime's code events arrive up to a second after the samples they explain, and an address may be reused by
/// another method. Samples are therefore held raw until events about their time must have arrived, and only then put
/// into a code generation; no sum spans an unload. Names are looked up at the end, at the time a sum was last added to.
/// </para>
/// </summary>
/// <param name="timestamps">Whether every sample is kept apart with its time.</param>
/// <param name="clock">Maps sample times; must have an anchor by the time samples are released.</param>
/// <param name="generations">Asked about times at least <paramref name="holdNanos"/> old, except in <see cref="Build"/>.</param>
/// <param name="holdNanos">How long samples are held, in nanoseconds of the clock given to <see cref="Advance"/>.</param>
/// <param name="holdCapacity">Samples held at most (56 bytes each); beyond it the oldest are released early.</param>
internal sealed class SampleAggregator(
    bool timestamps,
    TickMap clock,
    ICodeGenerations generations,
    long holdNanos = 2_000_000_000,
    int holdCapacity = 4_000_000) : ISettledSampleSink
{
    private readonly HoldBuffer held = new(holdNanos, holdCapacity);
    private readonly StackTable stacks = new();
    private readonly SampleTotals totals = new();
    private readonly TimedSamples timed = new();

    /// <summary>Stack samples taken in, lost ones not among them.</summary>
    public long Samples { get; private set; }

    /// <summary>Samples that the target lost.</summary>
    public long LostSamples { get; private set; }

    /// <summary>CPU time of all samples, lost ones included, in nanoseconds.</summary>
    public long CpuNanos { get; private set; }

    /// <summary>Samples aggregated before code events about their time had to be there, to bound memory.</summary>
    public long ReleasedEarly => held.ReleasedEarly;

    public void Add(in SettledSample sample)
    {
        if (sample.Stack is null)
            LostSamples = Saturating.Add(LostSamples, sample.Count);
        else
            Samples = Saturating.Add(Samples, sample.Count);
        CpuNanos = Saturating.Add(CpuNanos, sample.CpuNanos);
        held.Add(sample);
    }

    /// <summary>Aggregates what was held long enough. Called after every round of draining.</summary>
    /// <param name="now">
    /// Later than every sample added so far; the newest anchor's time, or any clock that advances as steadily: samples
    /// are timed by their arrival, so that a corrupt tick count cannot hold up the rest.
    /// </param>
    public void Advance(MonotonicNanos now)
    {
        held.Mark(now);
        ReleaseDue();
    }

    /// <summary>Ends the aggregation: releases all samples, names their stacks and gives them out.</summary>
    /// <param name="resolver">Names stacks; asked once for each.</param>
    /// <param name="threads">The thread of an index; equal indices give the same instance.</param>
    /// <param name="extras">Process-level time to show beside the samples.</param>
    public IReadOnlyList<ProfileSample> Build(
        IStackResolver resolver, Func<int, ProfileThread> threads, IEnumerable<ProcessTime> extras)
    {
        held.MarkAllDue();
        ReleaseDue();

        var resolved = new IReadOnlyList<Location>[stacks.Count];
        for (int i = 0; i < resolved.Length; i++)
            resolved[i] = Resolve(stacks[i], resolver);
        List<ProfileSample> process = [.. extras.Where(e => e.CpuNanos > 0).Select(e =>
            new ProfileSample([resolver.Synthetic(e.Name)], Thread: null, Count: 0, e.CpuNanos, Time: null))];
        if (timestamps)
            return new TimedSampleList(timed, resolved, threads, clock.ToUnix, process);

        var samples = new List<ProfileSample>(totals.Count + process.Count);
        foreach ((int thread, int stack, long count, long cpuNanos) in totals.Entries)
            samples.Add(new ProfileSample(resolved[stack], threads(thread), count, cpuNanos, Time: null));
        samples.AddRange(process);
        return samples;
    }

    private void ReleaseDue()
    {
        while (held.TryTakeDue(out SettledSample sample))
        {
            MonotonicNanos time = clock.ToMonotonic(sample.Time);
            int generation = sample.Stack is null ? 0 : generations.GenerationAt(time);
            int stack = stacks.IndexOf(sample.Stack, generation, time);
            if (timestamps)
                timed.Add(new TimedSample(sample.Thread, stack, sample.Time, sample.Count, sample.CpuNanos));
            else
                totals.Add(sample.Thread, stack, sample.Count, sample.CpuNanos);
        }
    }

    private static IReadOnlyList<Location> Resolve(StackEntry entry, IStackResolver resolver)
    {
        if (entry.Stack is not { } stack)
            return [resolver.Synthetic(SyntheticFrames.LostSamples)];
        IReadOnlyList<Location> locations = resolver.Resolve(stack, entry.LastSeen);
        if (locations.Count == 0)
            locations = [resolver.Synthetic(SyntheticFrames.UnknownStack)];
        return SyntheticFrames.ForStop(stack.Stop) is { } missing ? [.. locations, resolver.Synthetic(missing)] : locations;
    }
}
