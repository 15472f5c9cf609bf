using DotnetPprof.Model;
using Google.Protobuf;
using Pprof = Perftools.Profiles;

namespace DotnetPprof.Emit;

/// <summary>
/// The mapping, location and function tables of one pprof file. Ids are given out from 1 in order of first use, which
/// keeps the file the same for the same input and satisfies readers that insist on sequential ids.
/// </summary>
internal sealed class CodeTables
{
    private readonly StringTable strings;
    private readonly Dictionary<Location, ulong> locationIds = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Function, ulong> functionIds = [];
    private readonly Dictionary<Mapping, Pprof.Mapping> mappingByModule = [];

    public CodeTables(StringTable strings, Mapping main)
    {
        this.strings = strings;
        MappingOf(main);
    }

    public List<Pprof.Mapping> Mappings { get; } = [];

    public List<Pprof.Location> Locations { get; } = [];

    public List<Pprof.Function> Functions { get; } = [];

    /// <summary>What the tables take in a message.</summary>
    public long Bytes { get; private set; }

    public ulong IdOf(Location location)
    {
        if (locationIds.TryGetValue(location, out ulong id))
            return id;
        id = (ulong)Locations.Count + 1;
        locationIds.Add(location, id);

        Pprof.Mapping mapping = MappingOf(location.Mapping);
        var entry = new Pprof.Location { Id = id, MappingId = mapping.Id, Address = location.Address.Value };
        foreach (Line line in location.Lines)
            entry.Line.Add(new Pprof.Line { FunctionId = IdOf(line.Function), Line_ = line.LineNumber });
        if (location.Lines.Count > 1)
            mapping.HasInlineFrames = true;
        Locations.Add(entry);
        Bytes += FieldSize(entry);
        return id;
    }

    private ulong IdOf(Function function)
    {
        if (functionIds.TryGetValue(function, out ulong id))
            return id;
        id = (ulong)Functions.Count + 1;
        functionIds.Add(function, id);
        // pprof takes a system name that equals the name for one it may simplify, and strips (...) and <...> from it.
        string systemName = function.SystemName == function.Name ? "" : function.SystemName;
        var entry = new Pprof.Function
        {
            Id = id,
            Name = strings.Intern(function.Name),
            SystemName = strings.Intern(systemName),
            Filename = strings.Intern(function.FileName),
            StartLine = function.StartLine,
        };
        Functions.Add(entry);
        Bytes += FieldSize(entry);
        return id;
    }

    private Pprof.Mapping MappingOf(Mapping mapping)
    {
        if (mappingByModule.TryGetValue(mapping, out Pprof.Mapping? entry))
            return entry;
        entry = new Pprof.Mapping
        {
            Id = (ulong)Mappings.Count + 1,
            MemoryStart = mapping.Start,
            MemoryLimit = mapping.Limit,
            FileOffset = mapping.FileOffset,
            Filename = strings.Intern(mapping.FileName),
            BuildId = strings.Intern(mapping.BuildId),
            // All three, or pprof runs addr2line over what is named already.
            HasFunctions = mapping.HasFunctions,
            HasFilenames = mapping.HasFunctions,
            HasLineNumbers = mapping.HasFunctions,
        };
        mappingByModule.Add(mapping, entry);
        Mappings.Add(entry);
        // And two for inline frames, which are not known yet.
        Bytes += FieldSize(entry) + 2;
        return entry;
    }

    private static int FieldSize(IMessage entry) => 1 + CodedOutputStream.ComputeMessageSize(entry);
}
