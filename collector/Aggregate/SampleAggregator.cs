using DotnetPprof.Clock;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>CPU time of the process as a whole, shown as one synthetic frame.</summary>
/// <param name="Name">The frame's name; see <see cref="SyntheticFrames"/>.</param>
/// <param name="CpuNanos">Nanoseconds; nothing is shown for 0 or less.</param>
internal readonly record struct ProcessTime(string Name, long CpuNanos);

/// <param name="Sums">By thread and stack, without times.</param>
/// <param name="Timed">The same samples, each with its time; null when they were not kept apart.</param>
internal readonly record struct AggregatedSamples(IReadOnlyList<ProfileSample> Sums, ITimedSamples? Timed);

/// <summary>
/// Adds up samples by thread, stack and code generation, and where asked to keeps each with its time. Samples come in
/// any order across threads and in order per thread.
/// <para>
/// The runtime's code events arrive up to a second after the samples they explain, and an address may be reused by
/// another method. Samples are therefore held raw until events about their time must have arrived, and only then put
/// into a code generation; no sum spans an unload. Names are looked up at the end, at the time a sum was last added to.
/// </para>
/// <para>
/// Memory does not grow with the number of samples, only with that of different stacks and threads: samples with times
/// are kept on disk.
/// </para>
/// </summary>
/// <param name="timestamps">Whether every sample is kept apart with its time.</param>
/// <param name="clock">Maps sample times; must have an anchor by the time samples are released.</param>
/// <param name="generations">Asked about times at least <paramref name="holdNanos"/> old, except in <see cref="Build"/>.</param>
/// <param name="spillDirectory">Where samples with times are put when they are many; null for the system's place.</param>
/// <param name="holdNanos">How long samples are held, in nanoseconds of the clock given to <see cref="Advance"/>.</param>
/// <param name="holdCapacity">Samples held at most (32 bytes each); beyond it the oldest are released early.</param>
internal sealed class SampleAggregator(
    bool timestamps,
    TickMap clock,
    ICodeGenerations generations,
    string? spillDirectory = null,
    long holdNanos = 2_000_000_000,
    int holdCapacity = 2_000_000) : ISettledSampleSink, IDisposable
{
    private readonly HoldBuffer held = new(holdNanos, holdCapacity);
    private readonly StackKeys keys = new();
    private readonly StackTable stacks = new();
    private readonly SampleTotals totals = new();
    private readonly TimedSamples? timed = timestamps ? new(spillDirectory ?? Path.GetTempPath()) : null;

    /// <summary>Stack samples taken in, lost ones not among them.</summary>
    public long Samples { get; private set; }

    /// <summary>Samples that the target lost.</summary>
    public long LostSamples { get; private set; }

    /// <summary>CPU time of all samples, lost ones included, in nanoseconds.</summary>
    public long CpuNanos { get; private set; }

    /// <summary>Samples aggregated before code events about their time had to be there, to bound memory.</summary>
    public long ReleasedEarly => held.ReleasedEarly;

    /// <summary>Why and since when samples have no times although they were asked for; null when all have.</summary>
    public (string Error, UnixNanos Since)? Untimed =>
        timed?.Error is { } error ? (error, clock.ToUnix(timed.UntimedSince)) : null;

    public void Add(in SettledSample sample)
    {
        int stack = StackKeys.Lost;
        if (sample.Stack is { } key)
        {
            Samples = Saturating.Add(Samples, sample.Count);
            stack = keys.NumberOf(key);
        }
        else
        {
            LostSamples = Saturating.Add(LostSamples, sample.Count);
        }
        CpuNanos = Saturating.Add(CpuNanos, sample.CpuNanos);
        held.Add(new NumberedSample(sample.Thread, stack, sample.Time, sample.Count, sample.CpuNanos));
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
    /// <returns>Samples that are read from this object as long as it is not disposed.</returns>
    public AggregatedSamples Build(IStackResolver resolver, Func<int, ProfileThread> threads, IEnumerable<ProcessTime> extras)
    {
        held.MarkAllDue();
        ReleaseDue();
        held.Trim();
        timed?.Finish();

        var resolved = new IReadOnlyList<Location>[stacks.Count];
        for (int i = 0; i < resolved.Length; i++)
            resolved[i] = Resolve(keys[stacks[i].Stack], stacks[i].LastSeen, resolver);
        List<ProfileSample> process = [.. extras.Where(e => e.CpuNanos > 0).Select(e =>
            new ProfileSample([resolver.Synthetic(e.Name)], Thread: null, Count: 0, e.CpuNanos, Time: null))];
        return new AggregatedSamples(
            new SampleSums(totals, resolved, threads, process),
            timed is null ? null : new TimedProfileSamples(timed, clock, new SampleSums(timed.Untimed, resolved, threads, process)));
    }

    /// <summary>Gives back what samples with times took on disk.</summary>
    public void Dispose() => timed?.Dispose();

    private void ReleaseDue()
    {
        for (ReadOnlySpan<NumberedSample> due; (due = held.TakeDue()).Length > 0;)
        {
            foreach (ref readonly NumberedSample sample in due)
            {
                MonotonicNanos time = clock.ToMonotonic(sample.Time);
                int generation = sample.Stack == StackKeys.Lost ? 0 : generations.GenerationAt(time);
                int stack = stacks.IndexOf(sample.Stack, generation, time);
                totals.Add(sample.Thread, stack, sample.Count, sample.CpuNanos);
                timed?.Add(sample with { Stack = stack });
            }
        }
    }

    private static IReadOnlyList<Location> Resolve(StackKey? key, MonotonicNanos seen, IStackResolver resolver)
    {
        if (key is not { } stack)
            return [resolver.Synthetic(SyntheticFrames.LostSamples)];
        IReadOnlyList<Location> locations = resolver.Resolve(stack, seen);
        if (locations.Count == 0)
            locations = [resolver.Synthetic(SyntheticFrames.UnknownStack)];
        if (stack.InKernel)
            locations = [resolver.Synthetic(SyntheticFrames.Kernel), .. locations];
        return SyntheticFrames.ForStop(stack.Stop) is { } missing ? [.. locations, resolver.Synthetic(missing)] : locations;
    }
}
