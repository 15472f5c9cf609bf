using DotnetPprof.Aggregate;
using DotnetPprof.Emit;
using DotnetPprof.Model;
using Google.Protobuf;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Profiles.V1Development;
using Function = DotnetPprof.Model.Function;
using Line = OpenTelemetry.Proto.Profiles.V1Development.Line;
using Location = DotnetPprof.Model.Location;
using Mapping = DotnetPprof.Model.Mapping;
using Wire = OpenTelemetry.Proto.Profiles.V1Development;

namespace DotnetPprof.Upload.Otlp;

/// <summary>
/// The tables of one OpenTelemetry message, filled as OpenTelemetry's eBPF profiler fills them: build ids are attributes
/// of mappings, the kind of code is an attribute of locations.
/// </summary>
internal sealed class OtlpDictionary
{
    private readonly ProfilesDictionary dictionary;
    private readonly Func<string, string?> fileHash;
    private readonly StringTable strings = new();
    private readonly OtlpTable<Wire.Mapping> mappings;
    private readonly OtlpTable<Wire.Location> locations;
    private readonly OtlpTable<Wire.Function> functions;
    private readonly OtlpTable<KeyValueAndUnit> attributes;
    private readonly OtlpTable<Stack> stacks;

    // What has been looked up already: making a message for every frame of every sample would take most of the time.
    private readonly Dictionary<IReadOnlyList<Location>, int> stackIndices = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Location, int> locationIndices = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Mapping, int> mappingIndices = [];

    /// <param name="fileHash">The htlhash of a file by its path in the target, see <see cref="FileHash"/>.</param>
    public OtlpDictionary(ProfilesDictionary dictionary, Func<string, string?> fileHash)
    {
        this.dictionary = dictionary;
        this.fileHash = fileHash;
        mappings = new(dictionary.MappingTable, new());
        locations = new(dictionary.LocationTable, new());
        functions = new(dictionary.FunctionTable, new());
        attributes = new(dictionary.AttributeTable, new());
        stacks = new(dictionary.StackTable, new());
        dictionary.LinkTable.Add(new Link { TraceId = ByteString.CopyFrom(new byte[16]), SpanId = ByteString.CopyFrom(new byte[8]) });
    }

    /// <summary>What the tables take in a message.</summary>
    public long Bytes => mappings.Bytes + locations.Bytes + functions.Bytes + attributes.Bytes + stacks.Bytes + strings.Bytes;

    public int String(string text) => (int)strings.Intern(text);

    public int Attribute(string key, string value) => Attribute(key, new AnyValue { StringValue = Encodable(value) });

    public int Attribute(string key, long value) => Attribute(key, new AnyValue { IntValue = value });

    public int Stack(IReadOnlyList<Location> locations)
    {
        if (stackIndices.TryGetValue(locations, out int index))
            return index;
        var stack = new Stack();
        foreach (Location location in locations)
            stack.LocationIndices.Add(IndexOf(location));
        index = stacks.IndexOf(stack);
        stackIndices.Add(locations, index);
        return index;
    }

    /// <summary>Writes the strings down. Nothing may be looked up afterwards.</summary>
    public void Finish() => dictionary.StringTable.AddRange(strings.Strings);

    private int IndexOf(Location location)
    {
        if (locationIndices.TryGetValue(location, out int index))
            return index;
        Mapping mapping = location.Mapping;
        var entry = new Wire.Location { MappingIndex = mapping.Kind == CodeKind.Synthetic ? 0 : IndexOf(mapping) };
        // Compiled methods lie outside their assembly's file: the address says nothing to a reader of the mapping.
        if (location.Address.Value >= mapping.Start && location.Address.Value < mapping.Limit)
            entry.Address = location.Address.Value;
        foreach (Model.Line line in location.Lines)
            entry.Lines.Add(new Line { FunctionIndex = IndexOf(line.Function), Line_ = line.LineNumber });
        if (FrameType(location) is { } type)
            entry.AttributeIndices.Add(Attribute("profile.frame.type", type));
        index = locations.IndexOf(entry);
        locationIndices.Add(location, index);
        return index;
    }

    private int IndexOf(Function function) => functions.IndexOf(new Wire.Function
    {
        NameStrindex = String(function.Name),
        SystemNameStrindex = function.SystemName == function.Name ? 0 : String(function.SystemName),
        FilenameStrindex = String(function.FileName),
        StartLine = function.StartLine,
    });

    private int IndexOf(Mapping mapping)
    {
        if (mappingIndices.TryGetValue(mapping, out int index))
            return index;
        var entry = new Wire.Mapping
        {
            MemoryStart = mapping.Start,
            MemoryLimit = mapping.Limit,
            FileOffset = mapping.FileOffset,
            FilenameStrindex = String(mapping.FileName),
        };
        if (mapping is { Kind: CodeKind.Native, BuildId.Length: > 0 })
            entry.AttributeIndices.Add(Attribute("process.executable.build_id.gnu", mapping.BuildId));
        if (mapping.FileName.StartsWith('/') && fileHash(mapping.FileName) is { } hash)
            entry.AttributeIndices.Add(Attribute("process.executable.build_id.htlhash", hash));
        index = mappings.IndexOf(entry);
        mappingIndices.Add(mapping, index);
        return index;
    }

    private int Attribute(string key, AnyValue value) =>
        attributes.IndexOf(new KeyValueAndUnit { KeyStrindex = String(key), Value = value });

    /// <summary>Values of OpenTelemetry's attribute; none for frames that stand for no code.</summary>
    private static string? FrameType(Location location) => location.Mapping.Kind switch
    {
        CodeKind.Native => "native",
        CodeKind.Managed => "dotnet",
        _ => location.Lines is [{ Function.Name: SyntheticFrames.Kernel or SyntheticFrames.KernelNotPermitted }] ? "kernel" : null,
    };

    /// <summary>Half a surrogate pair has no form in UTF-8.</summary>
    private static string Encodable(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
