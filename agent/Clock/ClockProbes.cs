using System.Globalization;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent.Clock;

/// <summary>Finds out, source by source, what may stamp samples here and what it costs. A few milliseconds for all.</summary>
internal static unsafe class ClockProbes
{
    private const int Batches = 16;
    private const int ReadsPerBatch = 256;
    private const int AgreementReads = 16;

    /// <summary>From the most public to the rawest.</summary>
    internal static ReadOnlySpan<ClockKind> Kinds => [ClockKind.Stopwatch, ClockKind.Runtime, ClockKind.Vdso, ClockKind.Tsc];

    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    internal static ClockVerdict Probe(ClockKind kind)
    {
        string? failure;
        void* pointer;
        string note = "";
        switch (kind)
        {
            case ClockKind.Tsc:
                failure = TscSource.Open(out pointer, out note);
                break;
            case ClockKind.Runtime:
                failure = RuntimeExport.Open(out pointer);
                break;
            case ClockKind.Vdso:
                pointer = ClockNative.Pointer((uint)ClockKind.Vdso);
                failure = pointer is null ? "the kernel maps no vDSO with __vdso_clock_gettime into this process" : null;
                break;
            default:
                pointer = ClockNative.Pointer((uint)ClockKind.Stopwatch);
                failure = null;
                break;
        }
        if (failure is not null)
            return ClockVerdict.Fail(kind, failure);
        var clock = new RawClock(kind, pointer);
        if (kind != ClockKind.Tsc && Disagreement(clock) is { } disagreement)
            return ClockVerdict.Fail(kind, disagreement);
        return ClockVerdict.Pass(clock, ReadNs(clock), note);
    }

    /// <summary>Whether a clock that should be CLOCK_MONOTONIC in nanoseconds is: reads it between two readings of that.</summary>
    /// <returns>What is wrong, or null.</returns>
    internal static string? Disagreement(RawClock clock)
    {
        for (int i = 0; i < AgreementReads; i++)
        {
            long before = Libc.Now(Libc.ClockMonotonic);
            long read = (long)clock.Read();
            long after = Libc.Now(Libc.ClockMonotonic);
            if (read < before || read > after)
                return string.Create(CultureInfo.InvariantCulture, $"it read {read} ns while CLOCK_MONOTONIC went from {before} to {after}");
        }
        return null;
    }

    /// <summary>Nanoseconds a read takes, loop included: the best of several batches, for the others were interrupted.</summary>
    internal static double ReadNs(RawClock clock)
    {
        long best = long.MaxValue;
        for (int batch = 0; batch < Batches; batch++)
        {
            long start = Libc.Now(Libc.ClockMonotonic);
            for (int i = 0; i < ReadsPerBatch; i++)
                clock.Read();
            best = Math.Min(best, Libc.Now(Libc.ClockMonotonic) - start);
        }
        return (double)best / ReadsPerBatch;
    }
}
