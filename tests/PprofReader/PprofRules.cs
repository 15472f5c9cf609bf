namespace DotnetPprof.Tests.PprofReader;

/// <summary>What viewers demand of a pprof file: google/pprof's profile.CheckValid and more, Parca's, and our own.</summary>
internal static class PprofRules
{
    public static IReadOnlyList<string> Violations(PprofFile file)
    {
        var found = new List<string>();
        found.AddRange(Strings(file));
        found.AddRange(Ids("mapping", file.Mappings.Select(m => m.Id)));
        found.AddRange(Ids("location", file.Locations.Select(l => l.Id)));
        found.AddRange(Ids("function", file.Functions.Select(f => f.Id)));
        found.AddRange(References(file));
        found.AddRange(Samples(file));
        found.AddRange(Names(file));
        return found;
    }

    private static IEnumerable<string> Strings(PprofFile file)
    {
        if (file.Strings.Count == 0 || file.Strings[0].Length > 0)
            yield return "string_table[0] is not the empty string";
        if (file.Strings.Distinct().Count() != file.Strings.Count)
            yield return "string_table holds a string twice";
    }

    /// <summary>pprof: none is 0, none occurs twice. Parca: each is its place in the table, from 1.</summary>
    private static IEnumerable<string> Ids(string what, IEnumerable<ulong> ids) =>
        ids.Select((id, i) => (Id: id, Expected: (ulong)i + 1))
            .Where(x => x.Id != x.Expected)
            .Select(x => $"{what} {x.Expected} has id {x.Id}");

    private static IEnumerable<string> References(PprofFile file)
    {
        foreach (PprofLocation location in file.Locations)
        {
            if (location.Mapping is null)
                yield return $"location {location.Id} has no mapping {location.MappingId}";
            foreach (PprofLine line in location.Lines.Where(line => line.Function is null))
                yield return $"location {location.Id} has no function {line.FunctionId}";
        }
    }

    private static IEnumerable<string> Samples(PprofFile file)
    {
        if (file.SampleTypes.Count == 0)
            yield return "no sample types";
        if (file.SampleTypes.All(t => t.Type != file.DefaultSampleType))
            yield return $"the default sample type '{file.DefaultSampleType}' is not among them";
        for (int i = 0; i < file.Samples.Count; i++)
        {
            PprofSample sample = file.Samples[i];
            if (sample.Values.Count != file.SampleTypes.Count)
                yield return $"sample {i} has {sample.Values.Count} values for {file.SampleTypes.Count} types";
            if (sample.Stack.Count == 0)
                yield return $"sample {i} has no stack";
            if (sample.Stack.Contains(null))
                yield return $"sample {i} points at a location that is not there";
            if (sample.Labels.Any(l => l.Key.Length == 0 || (l.Text is not null && (l.Number != 0 || l.Unit.Length > 0))))
                yield return $"sample {i} has a label without a key, or with both text and number";
            if (sample.Labels.DistinctBy(l => l.Key).Count() != sample.Labels.Count)
                yield return $"sample {i} has a label twice";
        }
    }

    private static IEnumerable<string> Names(PprofFile file)
    {
        foreach (PprofFunction function in file.Functions)
        {
            if (function.Name.Length == 0)
                yield return $"function {function.Id} has no name";
            if (function.Name == function.SystemName)
                yield return $"function {function.Id} '{function.Name}' has its name as system name: pprof would strip it";
        }
        foreach (PprofLocation location in file.Locations)
        {
            if (location.Mapping is { HasFunctions: true } && location.Lines.Count == 0)
                yield return $"location {location.Id} has no name, but its mapping says it is symbolised";
        }
        if (file.UnknownFields.Count > 0)
            yield return $"fields that some viewers reject: {string.Join(", ", file.UnknownFields)}";
    }
}
