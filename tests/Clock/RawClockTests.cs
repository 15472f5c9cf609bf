using System.Globalization;
using DotnetPprof.Agent.Clock;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;
using DotnetPprof.Tests.Native;
using Iced.Intel;
using Xunit;

namespace DotnetPprof.Tests.Clock;

/// <summary>The agent's clock sources, in this very process.</summary>
public sealed unsafe class RawClockTests(ITestOutputHelper log)
{
    private const int MaskBytes = 1024;

    public static TheoryData<ClockKind> Kinds => [.. ClockProbes.Kinds];

    [Fact]
    public void ThunkReadsTheCounterAndReturns()
    {
        byte[] code = TscThunk.Assemble();
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code));
        var read = new List<string>();
        while (decoder.IP < (ulong)code.Length)
            read.Add(decoder.Decode().ToString());
        Assert.Equal(["rdtsc", "shl rdx,20h", "or rax,rdx", "ret"], read);
    }

    [Fact]
    public void ThunksPageIsExecutableAndNotWritable()
    {
        ulong page = (ulong)TscThunk.Get(out string? failure);
        Assert.SkipWhen(page == 0, failure ?? "");
        Assert.Equal(page, (ulong)TscThunk.Get(out _));
        string mapping = Assert.Single(File.ReadLines("/proc/self/maps"), line => Low(line) <= page && page < High(line));
        Assert.Equal("r-xp", mapping.Split(' ')[1]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void SourceThatPassesGoesForward(ClockKind kind)
    {
        RawClock clock = Passed(kind);
        ulong last = clock.Read();
        for (int i = 0; i < 100_000; i++)
        {
            ulong now = clock.Read();
            Assert.True(now >= last, $"{now} after {last}");
            last = now;
        }
    }

    [Theory]
    [InlineData(ClockKind.Runtime)]
    [InlineData(ClockKind.Vdso)]
    [InlineData(ClockKind.Stopwatch)]
    public void SourcesInNanosecondsAreTheMonotonicClock(ClockKind kind) => Assert.Null(ClockProbes.Disagreement(Passed(kind)));

    [Fact]
    public void AClockThatIsNotTheMonotonicOneDisagrees()
    {
        string? disagreement = ClockProbes.Disagreement(Passed(ClockKind.Tsc));
        Assert.Contains("while CLOCK_MONOTONIC went from", disagreement);
    }

    [Fact]
    public void TheCoresThatAThreadMayUseAreTheSameAfterTheProbe()
    {
        Assert.Equal(Affinity(), Probed());

        static string Probed()
        {
            ClockProbes.Probe(ClockKind.Tsc);
            return Affinity();
        }
    }

    /// <summary>The vDSO's functions by either of the two tables that say how many there are.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(4)] /* DT_HASH, which newer kernels leave out */
    [InlineData(0x6ffffef5)] /* DT_GNU_HASH */
    public void VdsoIsReadWithoutOneOfItsTables(long withoutTag)
    {
        string? mapping = File.ReadLines("/proc/self/maps").FirstOrDefault(line => line.EndsWith("[vdso]", StringComparison.Ordinal));
        Assert.SkipWhen(mapping is null, "there is no vDSO");
        byte[] image = new ReadOnlySpan<byte>((byte*)Low(mapping!), (int)(High(mapping!) - Low(mapping!))).ToArray();
        int hidden = withoutTag == 0 ? 1 : HideTag(image, withoutTag);
        Assert.SkipWhen(hidden == 0, "this vDSO has no such table");
        fixed (byte* at = image)
        {
            byte* real = Shim.VdsoSymbol((byte*)Low(mapping!), "__vdso_clock_gettime");
            byte* copied = Shim.VdsoSymbol(at, "__vdso_clock_gettime");
            if (withoutTag != 0 && copied == null)
                Assert.Skip("it has no other table");
            Assert.Equal(real - (byte*)Low(mapping!), copied - at);
            Assert.True(Shim.VdsoSymbol(at, "__vdso_clock") == null);
            image[0] = 0;
            Assert.True(Shim.VdsoSymbol(at, "__vdso_clock_gettime") == null);
        }
    }

    /// <summary>Two threads on two cores stamp in turns. What one stamps is never before what the other has just stamped.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void TimeDoesNotGoBackFromCoreToCore(ClockKind kind)
    {
        List<int> cores = Cores();
        Assert.SkipWhen(cores.Count < 2, "one core");
        RawClock clock = Passed(kind);
        const int Turns = 100_000;
        long turn = 0;
        ulong stamp = clock.Read();
        ulong worst = 0;
        ulong startTicks = clock.Read();
        long startNanos = Libc.Now(Libc.ClockMonotonic);
        Thread[] players = [.. Enumerable.Range(0, 2).Select(parity => new Thread(() =>
        {
            Pin(cores[parity]);
            for (long mine = parity; mine < Turns; mine += 2)
            {
                var wait = new SpinWait();
                while (Volatile.Read(ref turn) != mine)
                    wait.SpinOnce();
                ulong now = clock.Read();
                if ((long)(stamp - now) > 0)
                    worst = Math.Max(worst, stamp - now);
                stamp = now;
                Volatile.Write(ref turn, mine + 1);
            }
        }))];
        foreach (Thread player in players)
            player.Start();
        foreach (Thread player in players)
            player.Join();
        double nanosPerTick = (double)(Libc.Now(Libc.ClockMonotonic) - startNanos) / (clock.Read() - startTicks);
        double skew = worst * nanosPerTick;
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind}: back by {skew:0.0} ns at most, in {Turns} turns"));
        Assert.InRange(skew, 0, kind == ClockKind.Tsc ? RawClock.TscHandOffSkewNs : 0);
    }

    private static RawClock Passed(ClockKind kind)
    {
        ClockVerdict verdict = ClockProbes.Probe(kind);
        Assert.SkipUnless(verdict.Passed || kind == ClockKind.Stopwatch, verdict.Text);
        return verdict.Clock;
    }

    private static int HideTag(byte[] image, long tag)
    {
        /* Elf64_Dyn is tag and value, 8 bytes each; the tag alone is not rare, so the section itself is looked for. */
        int programs = (int)BitConverter.ToInt64(image, 32);
        for (int i = 0; i < BitConverter.ToInt16(image, 56); i++)
        {
            int program = programs + (i * 56);
            if (BitConverter.ToInt32(image, program) != 2)
                continue;
            int at = (int)BitConverter.ToInt64(image, program + 8);
            for (; BitConverter.ToInt64(image, at) is not 0 and long found; at += 16)
            {
                if (found != tag)
                    continue;
                BitConverter.TryWriteBytes(image.AsSpan(at), 0x6fff_0000L);
                return 1;
            }
        }
        return 0;
    }

    private static ulong Low(string mapping) => ulong.Parse(mapping.AsSpan(0, mapping.IndexOf('-')), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static ulong High(string mapping) =>
        ulong.Parse(mapping.AsSpan((mapping.IndexOf('-') + 1)..mapping.IndexOf(' ')), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static string Affinity()
    {
        byte[] mask = new byte[MaskBytes];
        fixed (byte* bits = mask)
            Assert.Equal(0, Libc.GetAffinity(0, MaskBytes, bits));
        return Convert.ToHexString(mask);
    }

    private static List<int> Cores()
    {
        byte[] mask = Convert.FromHexString(Affinity());
        return [.. Enumerable.Range(0, MaskBytes * 8).Where(core => (mask[core / 8] & (1 << (core % 8))) != 0)];
    }

    private static void Pin(int core)
    {
        byte* mask = stackalloc byte[MaskBytes];
        new Span<byte>(mask, MaskBytes).Clear();
        mask[core / 8] = (byte)(1 << (core % 8));
        Libc.SetAffinity(0, MaskBytes, mask);
    }
}
