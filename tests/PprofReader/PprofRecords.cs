namespace DotnetPprof.Tests.PprofReader;

public sealed record PprofType(string Type, string Unit);

public sealed record PprofMapping(
    ulong Id, ulong Start, ulong Limit, ulong Offset, string FileName, string BuildId,
    bool HasFunctions, bool HasFilenames, bool HasLineNumbers, bool HasInlineFrames);

public sealed record PprofFunction(ulong Id, string Name, string SystemName, string FileName, long StartLine);

/// <param name="Function">Null when the id points nowhere.</param>
public sealed record PprofLine(ulong FunctionId, PprofFunction? Function, long Line);

/// <param name="Mapping">Null when there is none or the id points nowhere.</param>
public sealed record PprofLocation(ulong Id, ulong MappingId, PprofMapping? Mapping, ulong Address, IReadOnlyList<PprofLine> Lines);

/// <param name="Text">Null when the label is a number.</param>
public sealed record PprofLabel(string Key, string? Text, long Number, string Unit);

/// <param name="Stack">Leaf first; null where an id points nowhere.</param>
public sealed record PprofSample(
    IReadOnlyList<ulong> LocationIds, IReadOnlyList<PprofLocation?> Stack, IReadOnlyList<long> Values, IReadOnlyList<PprofLabel> Labels)
{
    /// <summary>Leaf first, inlined functions before what they were inlined into.</summary>
    public IEnumerable<string> FunctionNames =>
        Stack.SelectMany(location => location?.Lines ?? []).Select(line => line.Function?.Name ?? "");

    public PprofLabel? Label(string key) => Labels.SingleOrDefault(label => label.Key == key);
}
