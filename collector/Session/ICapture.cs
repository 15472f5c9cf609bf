using DotnetPprof.Annotate;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Session;

/// <param name="Pid">The target, as this process sees it.</param>
/// <param name="RateHz">Samples asked for per second of a busy thread's CPU time.</param>
/// <param name="Timestamps">Whether every stack sample is kept apart with its time.</param>
/// <param name="Clock">What samples are stamped by; Auto leaves it to the agent.</param>
/// <param name="MaxOverheadPpm">What sampling may take of a thread's CPU time, in millionths; 0 for no limit.</param>
/// <param name="SpillDirectory">Where samples kept apart wait when they are many; null for the system's place.</param>
/// <param name="Engine">What takes the samples; Auto leaves it to the agent.</param>
public sealed record CaptureOptions(
    int Pid,
    int RateHz,
    bool Timestamps,
    ClockKind Clock = ClockKind.Auto,
    int MaxOverheadPpm = 0,
    string? SpillDirectory = null,
    EngineKind Engine = EngineKind.Auto)
{
    public const int DefaultBufferMegabytes = 128;

    /// <summary>The most memory of the target's that samples may take until they are drained, in MiB.</summary>
    public int BufferMegabytes { get; init; } = DefaultBufferMegabytes;

    /// <summary>Names and lines asked for.</summary>
    public SymbolOptions Symbols { get; init; } = new();

    /// <summary>Whether the code of hot methods is kept.</summary>
    public bool KeepsCode { get; init; }

    /// <summary>When to sample; null for all the time.</summary>
    public Burst? Burst { get; init; }
}

/// <summary>Sampling at times only: one burst in each period, somewhere in it.</summary>
/// <param name="Length">10 ms or more: the kernel's tick begins the sampling of a thread.</param>
/// <param name="Period">Longer, an hour at most.</param>
public readonly record struct Burst(TimeSpan Length, TimeSpan Period)
{
    public override string ToString() => $"{Text(Length)} in every {Text(Period)}";

    private static string Text(TimeSpan time) => time.Milliseconds == 0 ? $"{time.TotalSeconds:0} s" : $"{time.TotalMilliseconds:0} ms";
}

/// <param name="Elapsed">Since sampling began.</param>
/// <param name="Samples">Stack samples drained so far.</param>
/// <param name="Lost">Samples lost so far, for whatever reason.</param>
/// <param name="SamplesPerSecond">Over the last second or so.</param>
public readonly record struct CaptureProgress(TimeSpan Elapsed, long Samples, long Lost, double SamplesPerSecond);

public enum CaptureEnd
{
    /// <summary>The target exited or was killed; what came before is kept.</summary>
    TargetExited,

    /// <summary>The agent stopped serving this collector, for instance because this process was stopped too long.</summary>
    LeaseLost,
}

/// <summary>One running capture of one target.</summary>
public interface ICapture : IDisposable
{
    CaptureProgress Progress { get; }

    /// <summary>Completes when sampling ended by itself; never faults.</summary>
    Task<CaptureEnd> Ended { get; }

    /// <summary>
    /// Stops sampling, drains what is left, names it, and gives the profile. Also valid when the target is gone.
    /// Called once.
    /// </summary>
    CaptureResult Finish();
}

public sealed record CaptureResult(Profile Profile, CaptureSummary Summary)
{
    /// <summary>The code of hot methods, where it was asked for.</summary>
    public IReadOnlyList<HotBody> Code { get; init; } = [];
}

/// <param name="Duration">Of the sampling.</param>
/// <param name="Samples">Stack samples in the profile.</param>
/// <param name="CpuNanos">CPU time the process used while it was sampled.</param>
/// <param name="UnsampledNanos">The part of it that no sample stands for.</param>
/// <param name="RateAskedHz">As asked for.</param>
/// <param name="RateArmedHz">As armed, after any clamp.</param>
/// <param name="RateNote">Why the two differ; empty when they do not.</param>
/// <param name="Engine">Engine and why.</param>
/// <param name="Clock">Clock and why.</param>
/// <param name="OtherClocks">The clocks that were not taken, each with what its probes said.</param>
/// <param name="Losses">Losses that happened, by reason in words.</param>
/// <param name="Warnings">One line each.</param>
public sealed record CaptureSummary(
    TimeSpan Duration,
    long Samples,
    long CpuNanos,
    long UnsampledNanos,
    double RateAskedHz,
    double RateArmedHz,
    string RateNote,
    string Engine,
    string Clock,
    IReadOnlyList<string> OtherClocks,
    IReadOnlyList<LossCount> Losses,
    IReadOnlyList<string> Warnings)
{
    /// <summary>Stack samples per second of the CPU time that they and lost ones stand for.</summary>
    public double RateDeliveredHz { get; init; }

    /// <summary>When samples were taken; null for all the time.</summary>
    public Burst? Burst { get; init; }

    /// <summary>Samples whose stack is not whole or not certain, by the frame that says so; one may be counted under several.</summary>
    public IReadOnlyList<LossCount> StackFlaws { get; init; } = [];

    /// <summary>Why the profile is not all that was asked for, which is to end the program with an error; or null.</summary>
    public string? Failure { get; init; }

    /// <summary>What to do to see more than this profile shows, or null.</summary>
    public string? Hint { get; init; }

    /// <summary>CPU time of the agent's own threads.</summary>
    public long AgentNanos { get; init; }

    /// <summary>What a sample costs its thread, as calibrated.</summary>
    public long SampleCostNanos { get; init; }

    /// <summary>What sampling took of the process's CPU time, by the calibrated cost; 0 to 1.</summary>
    public double Overhead => CpuNanos <= 0 ? 0 : Math.Min(1, ((double)Samples * SampleCostNanos + AgentNanos) / CpuNanos);
}

/// <param name="Reason">In words.</param>
/// <param name="Count">How many.</param>
public readonly record struct LossCount(string Reason, long Count)
{
    /// <summary>The reason as one word, for metrics.</summary>
    public string Key { get; init; } = "";
}
