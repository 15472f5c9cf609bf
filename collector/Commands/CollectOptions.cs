using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Commands;

/// <summary>What `collect` was asked for. Exactly one of the three targets is set.</summary>
/// <param name="Pid">A running process by its id.</param>
/// <param name="Name">A running process by its name.</param>
/// <param name="Command">A program to launch, and its arguments.</param>
/// <param name="Duration">Null: until stopped, or the target ends.</param>
/// <param name="Output">Null: named after the process and the time.</param>
/// <param name="RateHz">Samples per second of CPU time.</param>
/// <param name="Timestamps">Whether samples are kept apart, with their times.</param>
/// <param name="Clock">What stamps them; Auto leaves it to the agent.</param>
/// <param name="MaxOverheadPpm">What sampling may take of a thread's CPU time, in millionths; 0 for no limit.</param>
/// <param name="Engine">What takes them; Auto leaves it to the agent.</param>
internal sealed record CollectOptions(
    int? Pid,
    string? Name,
    IReadOnlyList<string>? Command,
    TimeSpan? Duration,
    string? Output,
    int RateHz,
    bool Timestamps,
    ClockKind Clock = ClockKind.Auto,
    int MaxOverheadPpm = 0,
    EngineKind Engine = EngineKind.Auto)
{
    /// <summary>Names and lines asked for.</summary>
    internal SymbolOptions Symbols { get; init; } = new();

    /// <summary>Whether the code of hot methods is written beside the profile.</summary>
    internal bool Code { get; init; }

    /// <summary>The method whose code is shown at the end, or null.</summary>
    internal string? Annotate { get; init; }

    internal const int DefaultRateHz = 250;

    /* Whoever asks for a rate gets it, as far as it is safe; whoever does not is held to this. */
    internal const int DefaultMaxOverheadPpm = 20_000;

    /// <summary>The most memory of a target's that samples may take until they are drained, in MiB.</summary>
    internal int BufferMegabytes { get; init; } = CaptureOptions.DefaultBufferMegabytes;

    /// <summary>Of one process. What does not fit memory waits where the profile will be: there must be room anyway.</summary>
    internal CaptureOptions ForProcess(int pid) =>
        new(pid, RateHz, Timestamps, Clock, MaxOverheadPpm, OutputPath.Folder(Output ?? "x"), Engine) { BufferMegabytes = BufferMegabytes, Symbols = Symbols, Burst = Burst, KeepsCode = Code || Annotate is not null };

    /// <summary>When to sample; null for all the time.</summary>
    internal Burst? Burst { get; init; }

    /// <summary>Throws unless exactly one target is given.</summary>
    internal CollectOptions Checked()
    {
        int targets = (Pid is null ? 0 : 1) + (Name is null ? 0 : 1) + (Command is null ? 0 : 1);
        if (targets == 0) throw new UserError(ExitCode.Argument, "nothing to profile: give -p PID, -n NAME or -- COMMAND; see collect --help");
        if (targets > 1) throw new UserError(ExitCode.Argument, "give only one of -p PID, -n NAME and -- COMMAND; see collect --help");
        if (Command is { Count: 0 }) throw new UserError(ExitCode.Argument, "there is no command after --; see collect --help");
        if (Symbols.Directory is { } directory && !Directory.Exists(directory)) throw new UserError(ExitCode.Argument, $"there is no directory '{directory}' for --symbols");
        return this;
    }
}
