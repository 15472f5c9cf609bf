using DotnetPprof.Clock;
using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>
/// Deals the samples of one run of the agent out to windows. They come in any order across threads and in order per
/// thread; each goes to every window that its own time lies in.
/// <para>
/// The runtime's code events arrive up to a second after the samples they explain, and an address may be reused by
/// another method. Samples are therefore held raw until events about their time must have arrived, and only then put
/// into a code generation and into windows. A window that is opened within that time of its beginning misses nothing.
/// </para>
/// <para>Memory does not grow with the number of samples, only with that of different stacks and threads.</para>
/// </summary>
/// <param name="clock">Maps sample times; must have an anchor by the time samples are released.</param>
/// <param name="generations">Asked about times at least <paramref name="holdNanos"/> old, except in <see cref="ReleaseAll"/>.</param>
/// <param name="rules">Tells stacks that were walked before it was known how from the same stacks later; null: all were known.</param>
/// <param name="noticed">Told of every stack when it is seen first.</param>
/// <param name="holdNanos">How long samples are held, in nanoseconds of the clock given to <see cref="Advance"/>.</param>
/// <param name="holdCapacity">Samples held at most (32 bytes each); beyond it the oldest are released early.</param>
internal sealed class SampleAggregator(
    TickMap clock,
    ICodeGenerations generations,
    IRuleTimes? rules = null,
    Action<StackKey>? noticed = null,
    long holdNanos = 2_000_000_000,
    int holdCapacity = 2_000_000) : ISettledSampleSink
{
    private readonly HoldBuffer held = new(holdNanos, holdCapacity);
    private readonly List<SampleWindow> windows = [];

    /* The first of those open that takes what is late. */
    private SampleWindow? taker;

    /// <summary>Stack samples taken in, lost ones not among them.</summary>
    public long Samples { get; private set; }

    /// <summary>Samples that the target lost.</summary>
    public long LostSamples { get; private set; }

    /// <summary>CPU time of all samples, lost ones included, in nanoseconds.</summary>
    public long CpuNanos { get; private set; }

    /// <summary>Samples aggregated before code events about their time had to be there, to bound memory.</summary>
    public long ReleasedEarly => held.ReleasedEarly;

    /// <summary>Of all stacks so far.</summary>
    public StackKeys Keys { get; } = new();

    /// <summary>Opens a window; of those that take what is late, in order of time.</summary>
    public void Open(SampleWindow window)
    {
        windows.Add(window);
        taker = windows.Find(open => open.TakesLate);
    }

    public void Close(SampleWindow window)
    {
        windows.Remove(window);
        taker = windows.Find(open => open.TakesLate);
    }

    public void Add(in SettledSample sample)
    {
        int stack = StackKeys.Lost;
        if (sample.Stack is { } key)
        {
            Samples = Saturating.Add(Samples, sample.Count);
            int before = Keys.Count;
            stack = Keys.NumberOf(key);
            if (stack == before)
                noticed?.Invoke(key);
        }
        else
        {
            LostSamples = Saturating.Add(LostSamples, sample.Count);
        }
        CpuNanos = Saturating.Add(CpuNanos, sample.CpuNanos);
        held.Add(new NumberedSample(sample.Thread, stack, sample.Time, sample.Count, sample.CpuNanos));
    }

    /// <summary>Releases what was held long enough. Called after every round of draining.</summary>
    /// <param name="now">
    /// Later than every sample added so far; the newest anchor's time, or any clock that advances as steadily: samples
    /// are timed by their arrival, so that a corrupt tick count cannot hold up the rest.
    /// </param>
    public void Advance(MonotonicNanos now)
    {
        held.Mark(now);
        ReleaseDue();
    }

    /// <summary>Releases all samples; none comes any more.</summary>
    public void ReleaseAll()
    {
        held.MarkAllDue();
        ReleaseDue();
        held.Trim();
    }

    private void ReleaseDue()
    {
        for (ReadOnlySpan<NumberedSample> due; (due = held.TakeDue()).Length > 0;)
        {
            foreach (ref readonly NumberedSample sample in due)
            {
                MonotonicNanos time = clock.ToMonotonic(sample.Time);
                int generation = sample.Stack == StackKeys.Lost ? 0 : generations.GenerationAt(time);
                NumberedSample judged = sample with { Stack = Judged(sample.Stack, generation, time) };
                foreach (SampleWindow window in windows)
                {
                    if (window.Covers(time))
                        window.Add(judged, generation, time);
                }
                if (taker is not null && time.Value < taker.From.Value)
                    taker.Add(judged, generation, time);
            }
        }
    }

    /// <summary>The number of a stack, or where it was walked before the rules for it were in force, of that one.</summary>
    private int Judged(int number, int generation, MonotonicNanos time) =>
        rules is null || Keys[number] is not { } stack || rules.InForceAt(number, generation, stack, time) ? number : Keys.NumberOf(stack with { BeforeRules = true });
}
