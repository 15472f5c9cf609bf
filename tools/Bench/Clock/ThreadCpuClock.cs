using DotnetPprof.Bench.Interop;
using Perfolizer.Horology;

namespace DotnetPprof.Bench.Clock;

/// <summary>
/// What BenchmarkDotNet times the loops with: they never wait, so their CPU time is what they cost, and it does not run
/// while another process has the core. In nanoseconds.
/// </summary>
internal sealed class ThreadCpuClock : IClock
{
    public string Title => "thread CPU time";

    public bool IsAvailable => true;

    public Frequency Frequency => new(1_000_000_000);

    public long GetTimestamp() => (long)Libc.ThreadCpuNanoseconds();
}
