using Google.Protobuf;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;
using OpenTelemetry.Proto.Profiles.V1Development;

namespace DotnetPprof.Tests.Upload.Servers;

/// <summary>What holds for every table of the dictionary: a zero value first, nothing twice, nothing unused, no index out of bounds.</summary>
internal static class OtlpTableRules
{
    public static IEnumerable<string> Violations(ExportProfilesServiceRequest request)
    {
        ProfilesDictionary tables = request.Dictionary;
        List<Profile> profiles = [.. request.ResourceProfiles.SelectMany(r => r.ScopeProfiles).SelectMany(s => s.Profiles)];
        List<Sample> samples = [.. profiles.SelectMany(profile => profile.Samples)];

        List<int> ofStacks = [.. samples.Select(sample => sample.StackIndex)];
        List<int> ofLinks = [.. samples.Select(sample => sample.LinkIndex)];
        List<int> ofLocations = [.. tables.StackTable.SelectMany(stack => stack.LocationIndices)];
        List<int> ofMappings = [.. tables.LocationTable.Select(location => location.MappingIndex)];
        List<int> ofFunctions = [.. tables.LocationTable.SelectMany(location => location.Lines).Select(line => line.FunctionIndex)];
        List<int> ofAttributes =
        [
            .. samples.SelectMany(sample => sample.AttributeIndices),
            .. tables.LocationTable.SelectMany(location => location.AttributeIndices),
            .. tables.MappingTable.SelectMany(mapping => mapping.AttributeIndices),
            .. profiles.SelectMany(profile => profile.AttributeIndices),
        ];
        List<int> ofStrings =
        [
            .. profiles.SelectMany(p => new[] { p.SampleType.TypeStrindex, p.SampleType.UnitStrindex, p.PeriodType.TypeStrindex, p.PeriodType.UnitStrindex }),
            .. tables.FunctionTable.SelectMany(f => new[] { f.NameStrindex, f.SystemNameStrindex, f.FilenameStrindex }),
            .. tables.MappingTable.Select(mapping => mapping.FilenameStrindex),
            .. tables.AttributeTable.SelectMany(attribute => new[] { attribute.KeyStrindex, attribute.UnitStrindex }),
        ];

        var zeroLink = new Link { TraceId = ByteString.CopyFrom(new byte[16]), SpanId = ByteString.CopyFrom(new byte[8]) };
        return
        [
            .. Table("stack", tables.StackTable, new Stack(), ofStacks),
            .. Table("link", tables.LinkTable, zeroLink, ofLinks),
            .. Table("location", tables.LocationTable, new Location(), ofLocations),
            .. Table("mapping", tables.MappingTable, new Mapping(), ofMappings),
            .. Table("function", tables.FunctionTable, new Function(), ofFunctions),
            .. Table("attribute", tables.AttributeTable, new KeyValueAndUnit(), ofAttributes),
            .. Table("string", tables.StringTable, "", ofStrings),
        ];
    }

    private static IEnumerable<string> Table<T>(string name, IReadOnlyList<T> table, T zero, List<int> indices)
        where T : notnull
    {
        // By text: messages' own hashes are bad.
        if (table.Count == 0 || !table[0].Equals(zero))
            yield return $"{name}_table[0] is not the zero value";
        if (table.Select(entry => entry.ToString()).Distinct().Count() != table.Count)
            yield return $"{name}_table has an entry twice";
        if (indices.Any(index => index < 0 || index >= table.Count))
            yield return $"an index lies outside of {name}_table";
        else if (Enumerable.Range(1, Math.Max(0, table.Count - 1)).Except(indices).Any())
            yield return $"{name}_table has entries that nothing refers to";
    }
}
