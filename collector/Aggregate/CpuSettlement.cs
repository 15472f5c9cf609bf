using System.Runtime.InteropServices;
using DotnetPprof.Clock;
using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Aggregate;

/// <summary>
/// Gives one thread's samples their CPU time. Only some ring records carry a reading of the thread's CPU clock; what
/// passed since the last reading is spread over the stack samples since then by the periods they stand for, to the
/// nanosecond: all the samples that a long system call should have had are one, at its end.
/// </summary>
/// <param name="thread">Index of the thread within the capture.</param>
/// <param name="sink">Gets every sample once, in the ring's order.</param>
internal sealed class CpuSettlement(int thread, ISettledSampleSink sink)
{
    /// <summary>
    /// A shot has at most one CPU tick (10 ms at HZ = 100) to wait for its settlement, so more than this many never
    /// pile up in earnest; where they do, the oldest go without CPU time, which the younger ones then get.
    /// </summary>
    internal const int MostUnsettled = 1 << 16;

    /// <summary>11 days of CPU time, or as many samples, in one record: more is not a reading but garbage.</summary>
    private const ulong LargestValue = 1_000_000_000_000_000;

    private readonly List<Unsettled> unsettled = [];
    private Unsettled? latest;

    /// <summary>CPU time of all settlements so far, nanoseconds.</summary>
    public long SettledNanos { get; private set; }

    /// <summary>The part of it that no sample stands for, because the thread never had one.</summary>
    public long UnattributedNanos { get; private set; }

    /// <summary>CPU time used between two bursts of sampling, or while the agent kept quiet, beside that.</summary>
    public long GapNanos { get; private set; }

    /// <summary>Records of a kind that does not exist.</summary>
    public long UnknownRecords { get; private set; }

    public void Add(in RegionRecord record)
    {
        switch ((RecordKind)record.Kind)
        {
            case RecordKind.Shot:
                Await(StackOf(record), record.Ticks, 1, (long)Math.Clamp(record.Value, 1, LargestValue));
                break;
            case RecordKind.Tick:
                Await(StackOf(record), record.Ticks, 1, 1);
                Settle(Bounded(record.Value));
                break;
            case RecordKind.Settle:
                Settle(Bounded(record.Value));
                break;
            case RecordKind.Lost:
                long lost = Bounded(record.Value);
                if (lost > 0)
                    Await(null, record.Ticks, lost, lost);
                break;
            case RecordKind.Gap:
                long gap = Bounded(record.Value);
                GapNanos = Saturating.Add(GapNanos, gap);
                sink.Add(new SettledSample(thread, StackKey.BetweenBursts, new Ticks(record.Ticks), 0, gap));
                break;
            case RecordKind.Unsampled:
                /* Nobody's: it shows as what the process used and no weight stands for. */
                GapNanos = Saturating.Add(GapNanos, Bounded(record.Value));
                break;
            default:
                UnknownRecords++;
                break;
        }
    }

    /// <summary>Ends the capture for this thread: what is still unsettled is settled with what is known.</summary>
    /// <param name="finalCpuNanos">
    /// CPU time since the last settlement, or null when nobody read the clock again: CPU time is never guessed, so the
    /// samples then count without any.
    /// </param>
    public void Flush(long? finalCpuNanos)
    {
        Settle(Math.Clamp(finalCpuNanos ?? 0, 0, (long)LargestValue));
        // Threads are remembered for as long as the capture lasts, their buffers need not be.
        unsettled.Capacity = 0;
    }

    private static StackKey StackOf(in RegionRecord record) =>
        new(
            new InstructionPointer(record.Ip),
            record.Chain,
            (StopReason)(record.Stop & RegionLayout.RecordStopMask),
            (record.Stop & RegionLayout.RecordInKernel) != 0);

    private static long Bounded(ulong value) => (long)Math.Min(value, LargestValue);

    private void Await(StackKey? stack, ulong ticks, long count, long periods)
    {
        if (unsettled.Count == MostUnsettled)
        {
            int early = MostUnsettled / 2;
            foreach (Unsettled sample in unsettled[..early])
                Emit(sample, sample.Count, 0);
            unsettled.RemoveRange(0, early);
        }
        var added = new Unsettled(stack, new Ticks(ticks), count, periods);
        unsettled.Add(added);
        latest = added;
    }

    private void Settle(long cpuNanos)
    {
        SettledNanos = Saturating.Add(SettledNanos, cpuNanos);
        if (unsettled.Count > 0)
            Spread(cpuNanos);
        else if (cpuNanos == 0)
            return;
        else if (latest is { } sample)
            // Under the sample's own time: its addresses mean what they meant then.
            Emit(sample, 0, cpuNanos);
        else
            UnattributedNanos = Saturating.Add(UnattributedNanos, cpuNanos);
    }

    /// <summary>Each sample gets the difference of two rounded running totals, so that the sum is exact.</summary>
    private void Spread(long cpuNanos)
    {
        ReadOnlySpan<Unsettled> waiting = CollectionsMarshal.AsSpan(unsettled);
        if (waiting.Length == 1)
        {
            Emit(waiting[0], waiting[0].Count, cpuNanos);
            unsettled.Clear();
            return;
        }
        long total = 0;
        foreach (ref readonly Unsettled sample in waiting)
            total = Saturating.Add(total, sample.Periods);
        long passed = 0;
        long given = 0;
        foreach (ref readonly Unsettled sample in waiting)
        {
            passed = Saturating.Add(passed, sample.Periods);
            long due = Scale.Floor(cpuNanos, passed, total);
            Emit(sample, sample.Count, due - given);
            given = due;
        }
        unsettled.Clear();
    }

    private void Emit(in Unsettled sample, long count, long cpuNanos) =>
        sink.Add(new SettledSample(thread, sample.Stack, sample.Time, count, cpuNanos));

    private readonly record struct Unsettled(StackKey? Stack, Ticks Time, long Count, long Periods);
}
