using Google.Protobuf;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Profiles.V1Development;

namespace DotnetPprof.Tests.Upload.Servers;

/// <summary>
/// The MUSTs and SHOULDs of opentelemetry-proto 1.11.0's profiles.proto, and what OpenTelemetry's eBPF profiler's
/// messages look like beyond them.
/// </summary>
internal static class OtlpRules
{
    private static readonly string[] FrameTypes = ["native", "dotnet", "kernel"];
    private static readonly string[] MappingKeys = ["process.executable.build_id.gnu", "process.executable.build_id.htlhash"];

    public static IReadOnlyList<string> Violations(ExportProfilesServiceRequest request, int bytes)
    {
        var broken = new List<string>();
        if (bytes > 4 << 20)
            broken.Add($"{bytes} bytes are more than servers take by default");
        ProfilesDictionary tables = request.Dictionary;
        broken.AddRange(OtlpTableRules.Violations(request));
        if (broken.Count > 0)
            return broken;

        if (request.ResourceProfiles is not [{ ScopeProfiles: [{ Profiles: [{ } profile], Scope: { Name.Length: > 0, Version.Length: > 0 }, SchemaUrl.Length: > 0 }], SchemaUrl.Length: > 0 } resource])
            return ["not one profile of one named scope of one resource"];
        broken.AddRange(Resource(resource.Resource.Attributes));
        broken.AddRange(Profile(profile, tables));
        broken.AddRange(Samples(profile, tables));
        broken.AddRange(tables.MappingTable.SelectMany(mapping => Attributes("a mapping", mapping.AttributeIndices, tables)
            .Where(attribute => !MappingKeys.Contains(attribute.Key) || attribute.Value.StringValue.Length == 0)
            .Select(attribute => $"a mapping has {attribute.Key} = {attribute.Value}")));
        broken.AddRange(tables.LocationTable.Skip(1).SelectMany(location => Location(location, tables)));
        broken.AddRange(tables.FunctionTable.Skip(1)
            .Where(function => function.NameStrindex == 0 && function.SystemNameStrindex == 0 && function.FilenameStrindex == 0)
            .Select(_ => "a function has no name"));
        return broken;
    }

    private static IEnumerable<string> Resource(IReadOnlyList<KeyValue> attributes)
    {
        if (attributes.Select(attribute => attribute.Key).Distinct().Count() != attributes.Count)
            yield return "a resource attribute is there twice";
        if (attributes.FirstOrDefault(attribute => attribute.Key == "service.name")?.Value.StringValue is not { Length: > 0 })
            yield return "the resource has no service.name";
        if (attributes.FirstOrDefault(attribute => attribute.Key == "process.pid")?.Value.ValueCase != AnyValue.ValueOneofCase.IntValue)
            yield return "the resource has no number for process.pid";
        if (attributes.Any(attribute => attribute.Key.Length == 0 || attribute.KeyStrindex != 0))
            yield return "a resource attribute has no key, or one of the dictionary";
    }

    private static IEnumerable<string> Profile(Profile profile, ProfilesDictionary tables)
    {
        if (Type(profile.SampleType, tables) != "samples/count")
            yield return $"the sample type is {Type(profile.SampleType, tables)}";
        if (Type(profile.PeriodType, tables) != "cpu/nanoseconds" || profile.Period <= 0)
            yield return $"the period is {profile.Period} of {Type(profile.PeriodType, tables)}";
        if (profile.TimeUnixNano == 0 || profile.DurationNano == 0)
            yield return "the profile has no time or no duration";
        if (profile.ProfileId.Length != 16 || profile.ProfileId.All(b => b == 0))
            yield return "the profile's id is not valid";
    }

    private static IEnumerable<string> Samples(Profile profile, ProfilesDictionary tables)
    {
        if (profile.Samples.Count == 0)
            yield return "there are no samples";
        if (profile.Samples.Select(sample => $"{sample.StackIndex} {string.Join(',', sample.AttributeIndices.Order())} {sample.LinkIndex}").Distinct().Count() != profile.Samples.Count)
            yield return "two samples have one identity";
        if (profile.Samples.Select(sample => (sample.Values.Count == 0, sample.TimestampsUnixNano.Count == 0)).Distinct().Count() > 1)
            yield return "samples have different shapes";
        foreach (Sample sample in profile.Samples)
        {
            // Values and times together would be fine by the protocol, but receivers take the first value for all.
            if (sample.Values.Count == 0 == (sample.TimestampsUnixNano.Count == 0) || sample.Values.Count > 1)
                yield return $"a sample has {sample.Values.Count} values and {sample.TimestampsUnixNano.Count} times";
            if (sample.TimestampsUnixNano.Any(time => time < profile.TimeUnixNano || time >= profile.TimeUnixNano + profile.DurationNano))
                yield return "a time lies outside of the profile";
            if (sample.StackIndex == 0)
                yield return "a sample has no stack";
            foreach ((string key, AnyValue value) in Attributes("a sample", sample.AttributeIndices, tables))
            {
                if (!(key == "thread.name" && value.StringValue.Length > 0) && !(key == "thread.id" && value.HasIntValue))
                    yield return $"a sample has {key} = {value}";
            }
        }
    }

    private static IEnumerable<string> Location(Location location, ProfilesDictionary tables)
    {
        Mapping mapping = tables.MappingTable[location.MappingIndex];
        if (location.Address != 0 && (location.Address < mapping.MemoryStart || location.Address >= mapping.MemoryLimit))
            yield return "a location's address lies outside of its mapping";
        List<(string Key, AnyValue Value)> attributes = [.. Attributes("a location", location.AttributeIndices, tables)];
        if (attributes.Any(attribute => attribute.Key != "profile.frame.type" || !FrameTypes.Contains(attribute.Value.StringValue)))
            yield return $"a location has {attributes[0].Key} = {attributes[0].Value}";
        if (location.MappingIndex != 0 && attributes.Count == 0)
            yield return "a location of code has no frame type";
        if (location.MappingIndex == 0 && location.Lines.Count == 0)
            yield return "a location says nothing";
    }

    private static IEnumerable<(string Key, AnyValue Value)> Attributes(string of, IEnumerable<int> indices, ProfilesDictionary tables)
    {
        List<(string Key, AnyValue Value)> attributes =
            [.. indices.Select(i => (tables.StringTable[tables.AttributeTable[i].KeyStrindex], tables.AttributeTable[i].Value))];
        return attributes.Select(attribute => attribute.Key).Distinct().Count() == attributes.Count
            ? attributes
            : [($"{of} has a key twice", new AnyValue())];
    }

    private static string Type(OpenTelemetry.Proto.Profiles.V1Development.ValueType? type, ProfilesDictionary tables) =>
        type is null ? "none" : $"{tables.StringTable[type.TypeStrindex]}/{tables.StringTable[type.UnitStrindex]}";
}
