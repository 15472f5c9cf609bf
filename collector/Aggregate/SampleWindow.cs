using DotnetPprof.Clock;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>
/// Adds up the samples of one stretch of time by thread, stack and code generation, and where asked to keeps each with
/// its time. No sum spans an unload; names are looked up once, at the time a sum was last added to.
/// </summary>
/// <param name="from">The first moment that belongs to it.</param>
/// <param name="to">The first that does not.</param>
/// <param name="takesLate">
/// Whether samples from before it are its own too, when no earlier window that takes such is open: CPU time that a thread
/// was not asked for until long after its last sample comes under that sample's time, when the window that the time lies
/// in has been closed.
/// </param>
/// <param name="timed">Keeps every sample with its time; null where sums are all that is wanted.</param>
internal sealed class SampleWindow(MonotonicNanos from, MonotonicNanos to, bool takesLate = false, TimedSamples? timed = null) : IDisposable
{
    private readonly StackTable stacks = new();
    private readonly SampleTotals totals = new();

    /// <summary>A window for all there is.</summary>
    public static SampleWindow Everything(TimedSamples? timed) => new(new(long.MinValue), new(long.MaxValue), takesLate: false, timed);

    public MonotonicNanos From { get; } = from;

    public MonotonicNanos To { get; } = to;

    public bool TakesLate { get; } = takesLate;

    /// <summary>Stack samples in it, lost ones not among them.</summary>
    public long Samples { get; private set; }

    /// <summary>CPU time of its samples, lost ones included, in nanoseconds.</summary>
    public long CpuNanos { get; private set; }

    /// <summary>The part of it that was used while no samples were taken.</summary>
    public long BetweenBurstsNanos { get; private set; }

    /// <summary>Why and since when samples have no times although they were asked for; null when all have.</summary>
    public (string Error, Ticks Since)? Untimed => timed?.Error is { } error ? (error, timed.UntimedSince) : null;

    public bool Covers(MonotonicNanos time) => time.Value >= From.Value && time.Value < To.Value;

    /// <param name="sample">With a number of <see cref="StackKeys"/>.</param>
    /// <param name="generation">Of the code, see <see cref="ICodeGenerations"/>.</param>
    /// <param name="time">When it was taken.</param>
    public void Add(in NumberedSample sample, int generation, MonotonicNanos time)
    {
        int stack = stacks.IndexOf(sample.Stack, generation, time);
        totals.Add(sample.Thread, stack, sample.Count, sample.CpuNanos);
        timed?.Add(sample with { Stack = stack });
        CpuNanos = Saturating.Add(CpuNanos, sample.CpuNanos);
        if (sample.Stack == StackKeys.BetweenBursts)
            BetweenBurstsNanos = Saturating.Add(BetweenBurstsNanos, sample.CpuNanos);
        if (sample.Stack != StackKeys.Lost)
            Samples = Saturating.Add(Samples, sample.Count);
    }

    /// <summary>After the last sample: names the stacks.</summary>
    /// <param name="keys">The numbers of the stacks.</param>
    /// <param name="clock">Maps sample times.</param>
    /// <param name="resolver">Asked once for each stack.</param>
    /// <param name="threads">The thread of an index; equal indices give the same instance.</param>
    public NamedSamples Name(StackKeys keys, TickMap clock, IStackResolver resolver, Func<int, ProfileThread> threads)
    {
        timed?.Finish();
        var resolved = new IReadOnlyList<Location>[stacks.Count];
        for (int i = 0; i < resolved.Length; i++)
            resolved[i] = Resolve(keys[stacks[i].Stack], stacks[i].LastSeen, resolver);
        var sums = new SampleSums(totals, resolved, threads);
        return new NamedSamples(sums, timed is null ? null : new TimedProfileSamples(timed, clock, new SampleSums(timed.Untimed, resolved, threads)));
    }

    /// <summary>Gives back what samples with times took on disk.</summary>
    public void Dispose() => timed?.Dispose();

    private static IReadOnlyList<Location> Resolve(StackKey? key, MonotonicNanos seen, IStackResolver resolver)
    {
        if (key == StackKey.BetweenBursts)
            return [resolver.Synthetic(SyntheticFrames.BetweenBursts)];
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

/// <param name="Sums">By thread and stack, without times.</param>
/// <param name="Timed">The same samples, each with its time; null when they were not kept apart. Valid until the window is disposed.</param>
internal readonly record struct NamedSamples(SampleSums Sums, TimedProfileSamples? Timed);
