using DotnetPprof.Bench.Clock;
using Xunit;

namespace DotnetPprof.Tests.Bench;

/// <summary>The clock's share, from what <c>perf script</c> prints.</summary>
public sealed class PerfResultTests
{
    private const string Script = """
            ffffffff8158c3de next_uptodate_folio ([kernel.kallsyms])
                7fa537d58645 handle_amd (/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2)
                    55d0c3a1 walk_frames (/a dir/routine_loop)
                    55d0c3a2 walk_frames (/a dir/routine_loop)
                    55d0c3a3 walk_frames (/a dir/routine_loop)
                    55d0c3a4 walk_frames (/a dir/routine_loop)
                    55d0c400 chain_intern (/a dir/routine_loop)
                    55d0c500 clock_source_stopwatch (/a dir/routine_loop)
                7fa537d00001 clock_gettime@@GLIBC_2.17 (/usr/lib/x86_64-linux-gnu/libc.so.6)
                7ffc11000a10 __vdso_clock_gettime ([vdso])
                    55d0c600 descend (/a dir/routine_loop)
                7fa537d00009 [unknown] (/usr/lib/x86_64-linux-gnu/libc.so.6)
        """;

    [Fact]
    public void ClockIsOneEntryAndTheLoopIsNone()
    {
        PerfResult result = PerfResult.Read("stopwatch", Script);
        Assert.Equal(8, result.Samples);
        Assert.Equal(3 / 8.0, result.ClockShare);
        Assert.Equal(2, result.ClockRank);
        Assert.Equal(["walk_frames", PerfResult.ClockEntry, "chain_intern"], result.Functions.Select(function => function.Function));
    }

    [Fact]
    public void TheRuntimesExportIsTheClock() =>
        Assert.Equal(1, PerfResult.Read("runtime", "7f00 SystemNative_GetTimestamp (/x/libSystem.Native.so)\n").ClockShare);

    [Fact]
    public void NothingOfTheRoutine() =>
        Assert.Throws<FormatException>(() => PerfResult.Read("tsc", "ffffffff8158c3de do_syscall_64 ([kernel.kallsyms])\n"));
}
