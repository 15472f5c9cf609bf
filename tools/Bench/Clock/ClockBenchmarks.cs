using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Clock;

/// <summary>
/// Every way to ask for the time, each in a loop of its own: the loop's share is a fraction of a nanosecond a call, and
/// the same for all. The sums keep the calls from being left out.
/// </summary>
public unsafe class ClockBenchmarks
{
    private const int Calls = 10_000;

    public const string PublicGroup = "C#, public API";
    public const string InvokeGroup = "C#, P/Invoke";
    public const string PointerGroup = "C#, function pointer";
    public const string NativeGroup = "C";
    public const string NativePointerGroup = "C, function pointer";

    /// <summary>In the order of the report.</summary>
    internal static readonly string[] Groups = [PublicGroup, InvokeGroup, PointerGroup, NativeGroup, NativePointerGroup];

    public static IEnumerable<string> Sources => ClockSources.AvailableNames;

    [BenchmarkCategory(PublicGroup), Benchmark(Description = "DateTime.UtcNow", OperationsPerInvoke = Calls)]
    public long UtcNow()
    {
        long sum = 0;
        for (int i = 0; i < Calls; i++)
            sum += DateTime.UtcNow.Ticks;
        return sum;
    }

    [BenchmarkCategory(PublicGroup), Benchmark(Description = "Stopwatch.GetTimestamp", OperationsPerInvoke = Calls)]
    public long GetTimestamp()
    {
        long sum = 0;
        for (int i = 0; i < Calls; i++)
            sum += Stopwatch.GetTimestamp();
        return sum;
    }

    [BenchmarkCategory(PublicGroup), Benchmark(Description = "Environment.TickCount64", OperationsPerInvoke = Calls)]
    public long TickCount()
    {
        long sum = 0;
        for (int i = 0; i < Calls; i++)
            sum += Environment.TickCount64;
        return sum;
    }

    [BenchmarkCategory(InvokeGroup), Benchmark(Description = "clock_gettime(CLOCK_MONOTONIC)", OperationsPerInvoke = Calls)]
    public long Invoke()
    {
        long sum = 0;
        Libc.Timespec time;
        for (int i = 0; i < Calls; i++)
        {
            Libc.ClockGettime(Libc.ClockMonotonic, &time);
            sum += time.Nanoseconds;
        }
        return sum;
    }

    [BenchmarkCategory(InvokeGroup), Benchmark(Description = "clock_gettime, SuppressGCTransition", OperationsPerInvoke = Calls)]
    public long InvokeNoTransition()
    {
        long sum = 0;
        Libc.Timespec time;
        for (int i = 0; i < Calls; i++)
        {
            Libc.ClockGettimeNoTransition(Libc.ClockMonotonic, &time);
            sum += time.Nanoseconds;
        }
        return sum;
    }

    [ArgumentsSource(nameof(Sources))]
    [BenchmarkCategory(PointerGroup), Benchmark(Description = "", OperationsPerInvoke = Calls)]
    public ulong Pointer(string clock)
    {
        var read = (delegate* unmanaged[SuppressGCTransition]<ulong>)ClockSources.Get(clock).Pointer;
        ulong sum = 0;
        for (int i = 0; i < Calls; i++)
            sum += read();
        return sum;
    }

    [BenchmarkCategory(NativeGroup), Benchmark(Description = "rdtsc, inline", OperationsPerInvoke = Calls)]
    public ulong NativeInline() => ClockLoop.InlineRdtsc(Calls);

    [BenchmarkCategory(NativeGroup), Benchmark(Description = "clock_gettime(CLOCK_MONOTONIC)", OperationsPerInvoke = Calls)]
    public ulong NativeDirect() => ClockLoop.DirectClockGettime(Calls);

    [ArgumentsSource(nameof(Sources))]
    [BenchmarkCategory(NativePointerGroup), Benchmark(Description = "", OperationsPerInvoke = Calls)]
    public ulong NativePointer(string clock) => ClockLoop.Pointer((void*)ClockSources.Get(clock).Pointer, Calls);
}
