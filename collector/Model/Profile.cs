namespace DotnetPprof.Model;

/// <summary>One module of the target: a native library, a managed assembly, or the process's own synthetic one.</summary>
/// <param name="Start">First address mapped, 0 for managed assemblies whose code lives elsewhere.</param>
/// <param name="Limit">First address past the mapping.</param>
/// <param name="FileOffset">Offset in the file of the byte at <paramref name="Start"/>.</param>
/// <param name="FileName">Path of the ELF file or the assembly's dll; a bracketed name where there is no file.</param>
/// <param name="BuildId">GNU build id (hex), or the PDB id or MVID of an assembly; empty when unknown.</param>
/// <param name="HasFunctions">Whether its locations carry names, so that viewers do not try to name them again.</param>
public sealed record Mapping(ulong Start, ulong Limit, ulong FileOffset, string FileName, string BuildId, bool HasFunctions)
{
    /// <summary>What runs there.</summary>
    public CodeKind Kind { get; init; }
}

/// <summary>What the code of a mapping is.</summary>
public enum CodeKind
{
    /// <summary>An ELF file's, or the runtime's stubs.</summary>
    Native,

    /// <summary>An assembly's, wherever the runtime has put the compiled code.</summary>
    Managed,

    /// <summary>None: its frames are this profiler's words.</summary>
    Synthetic,
}

/// <summary>A function as a person reads it, and as the machine spells it.</summary>
/// <param name="Name"><c>Namespace.Type.Method</c> for managed code, the symbol for native code.</param>
/// <param name="SystemName">The raw full signature; never equal to <paramref name="Name"/>.</param>
/// <param name="FileName">Source file, or empty.</param>
/// <param name="StartLine">Line of the function's start, 0 when unknown.</param>
public sealed record Function(string Name, string SystemName, string FileName, int StartLine);

/// <summary>One function at a location; inlined functions come before the function they were inlined into.</summary>
public readonly record struct Line(Function Function, int LineNumber);

/// <summary>
/// A place in code. Instances are interned by the symboliser: two samples at the same place share one instance, so
/// reference equality is identity.
/// </summary>
public sealed class Location(Mapping mapping, InstructionPointer address, IReadOnlyList<Line> lines)
{
    public Mapping Mapping { get; } = mapping;

    /// <summary>The instruction, or for a caller an address inside its call.</summary>
    public InstructionPointer Address { get; } = address;

    /// <summary>Innermost inlinee first; empty when the place could not be named.</summary>
    public IReadOnlyList<Line> Lines { get; } = lines;
}

/// <summary>The thread a sample belongs to; one instance per thread, so reference equality is identity.</summary>
/// <param name="Id">The kernel's thread id.</param>
/// <param name="Name">The thread's name, empty when it has none.</param>
public sealed record ProfileThread(int Id, string Name);

/// <summary>Samples that share a stack, a thread and, when timestamps are kept, a time.</summary>
/// <param name="Stack">Leaf first, root last.</param>
/// <param name="Thread">Null for time that belongs to the whole process.</param>
/// <param name="Count">Stack samples.</param>
/// <param name="CpuNanos">CPU time they stand for.</param>
/// <param name="Time">When the single sample was taken; null for aggregated samples.</param>
public readonly record struct ProfileSample(IReadOnlyList<Location> Stack, ProfileThread? Thread, long Count, long CpuNanos, UnixNanos? Time);

/// <summary>
/// Samples each with its time, more than memory would hold: made one by one as they are asked for, from the first on
/// each time. In order of time per thread; those without a time come last. Reading may fail as any file's may.
/// </summary>
public interface ITimedSamples : IEnumerable<ProfileSample>, IDisposable;

/// <summary>A finished capture, ready to be written.</summary>
/// <param name="Start">When sampling began.</param>
/// <param name="DurationNanos">Wall-clock length of the sampling.</param>
/// <param name="PeriodNanos">Nanoseconds of CPU time between two samples as asked: 1e9 / Hz.</param>
/// <param name="MainMapping">The main binary, which viewers expect first.</param>
/// <param name="Samples">All samples, visible losses included; added up by thread and stack where that was not forbidden.</param>
/// <param name="Comments">Free text: engine, clock, rates, losses by reason, versions.</param>
public sealed record Profile(
    UnixNanos Start,
    long DurationNanos,
    long PeriodNanos,
    Mapping MainMapping,
    IReadOnlyList<ProfileSample> Samples,
    IReadOnlyList<string> Comments)
{
    /// <summary>The same samples apart, with their times: what is to be written in place of the sums. Null without.</summary>
    public ITimedSamples? Timed { get; init; }
}
