using System.Globalization;
using DotnetPprof.Agent.Interop;

namespace DotnetPprof.Agent.Clock;

/// <summary>
/// Carries a clock from core to core with the calling thread and looks whether it ever goes back. A hop takes some
/// microseconds, so counters that differ by less pass; those the kernel's own warp test is for.
/// </summary>
internal static unsafe class CoreHandOff
{
    private const int Laps = 2;

    /// <summary>No hop is begun later; it is only this thread that waits, for cores that are busy.</summary>
    private const long BudgetNs = 10_000_000;

    /// <summary>For 8,192 cores, the most a kernel is built for.</summary>
    private const int MaskBytes = 1024;

    /// <param name="clock">The clock.</param>
    /// <param name="note">What was looked at, for the verdict's end.</param>
    /// <returns>Where it went back, or null.</returns>
    internal static string? Check(RawClock clock, out string note)
    {
        note = "";
        byte* allowed = stackalloc byte[MaskBytes];
        byte* one = stackalloc byte[MaskBytes];
        if (Libc.GetAffinity(0, MaskBytes, allowed) != 0)
        {
            note = ", not compared across cores (their number is not to be had)";
            return null;
        }
        List<int> cores = Cores(new ReadOnlySpan<byte>(allowed, MaskBytes));
        if (cores.Count < 2)
        {
            note = ", one core";
            return null;
        }

        new Span<byte>(one, MaskBytes).Clear();
        long deadline = Libc.Now(Libc.ClockMonotonic) + BudgetNs;
        int hops = 0;
        int from = -1;
        ulong last = clock.Read();
        try
        {
            for (int i = 0; i < Laps * cores.Count && Libc.Now(Libc.ClockMonotonic) < deadline; i++)
            {
                int core = cores[i % cores.Count];
                one[core / 8] = (byte)(1 << (core % 8));
                bool moved = Libc.SetAffinity(0, MaskBytes, one) == 0;
                one[core / 8] = 0;
                if (!moved)
                    continue;
                ulong now = clock.Read();
                if ((long)(now - last) < 0)
                    return string.Create(CultureInfo.InvariantCulture, $"it went back by {last - now} ticks on the way from core {from} to core {core}");
                (last, from) = (now, core);
                hops++;
            }
        }
        finally
        {
            Libc.SetAffinity(0, MaskBytes, allowed);
        }
        note = hops < 2
            ? ", not compared across cores (they were busy)"
            : string.Create(CultureInfo.InvariantCulture, $", {Math.Min(hops, cores.Count)} of {cores.Count} cores compared");
        return null;
    }

    private static List<int> Cores(ReadOnlySpan<byte> mask)
    {
        var cores = new List<int>();
        for (int i = 0; i < mask.Length * 8; i++)
        {
            if ((mask[i / 8] & (1 << (i % 8))) != 0)
                cores.Add(i);
        }
        return cores;
    }
}
