using System.IO.Compression;

namespace DotnetPprof.Tests.PprofReader;

/// <summary>A pprof file as plain records, read without the product's writer, schema or protobuf library.</summary>
public sealed class PprofFile
{
    private PprofFile(ReadOnlyMemory<byte> profile)
    {
        List<WireField> fields = [.. WireFields.Of(profile)];
        Strings = [.. Of(fields, 6).Select(f => f.Text)];
        SampleTypes = [.. Of(fields, 1).Select(TypeOf)];
        Mappings = [.. Of(fields, 3).Select(MappingOf)];
        Functions = [.. Of(fields, 5).Select(FunctionOf)];
        Dictionary<ulong, PprofMapping> mappings = Mappings.DistinctBy(m => m.Id).ToDictionary(m => m.Id);
        Dictionary<ulong, PprofFunction> functions = Functions.DistinctBy(f => f.Id).ToDictionary(f => f.Id);
        Locations = [.. Of(fields, 4).Select(f => LocationOf(f, mappings, functions))];
        Dictionary<ulong, PprofLocation> locations = Locations.DistinctBy(l => l.Id).ToDictionary(l => l.Id);
        Samples = [.. Of(fields, 2).Select(f => SampleOf(f, locations))];
        TimeNanos = (long)Number(fields, 9);
        DurationNanos = (long)Number(fields, 10);
        PeriodType = Of(fields, 11).Select(TypeOf).LastOrDefault();
        Period = (long)Number(fields, 12);
        Comments = [.. Of(fields, 13).SelectMany(f => f.Numbers()).Select(Text)];
        DefaultSampleType = Text(Number(fields, 14));
        UnknownFields = [.. fields.Select(f => f.Number).Where(n => n > 14).Distinct()];
    }

    public IReadOnlyList<string> Strings { get; }

    public IReadOnlyList<PprofType> SampleTypes { get; }

    public IReadOnlyList<PprofSample> Samples { get; }

    public IReadOnlyList<PprofMapping> Mappings { get; }

    public IReadOnlyList<PprofLocation> Locations { get; }

    public IReadOnlyList<PprofFunction> Functions { get; }

    /// <summary>Nanoseconds since 1970-01-01T00:00:00Z.</summary>
    public long TimeNanos { get; }

    public long DurationNanos { get; }

    public PprofType? PeriodType { get; }

    public long Period { get; }

    public IReadOnlyList<string> Comments { get; }

    public string DefaultSampleType { get; }

    /// <summary>Numbers of top-level fields beyond those every viewer knows; 15 is doc_url.</summary>
    public IReadOnlyList<int> UnknownFields { get; }

    /// <summary>Reads a file, gzip-compressed or not; malformed ones throw.</summary>
    public static PprofFile Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Read(file);
    }

    public static PprofFile Read(Stream stream)
    {
        using var stored = new MemoryStream();
        stream.CopyTo(stored);
        byte[] bytes = stored.ToArray();
        if (bytes is not [0x1f, 0x8b, ..])
            return new PprofFile(bytes);
        using var unpacked = new MemoryStream();
        using (var gzip = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress))
            gzip.CopyTo(unpacked);
        return new PprofFile(unpacked.ToArray());
    }

    /// <summary>Throws with every violation of pprof's and Parca's rules, if there are any.</summary>
    public void CheckValid()
    {
        IReadOnlyList<string> violations = PprofRules.Violations(this);
        if (violations.Count > 0)
            throw new InvalidDataException(string.Join(Environment.NewLine, violations.Take(20)));
    }

    private static IEnumerable<WireField> Of(IEnumerable<WireField> fields, int number) => fields.Where(f => f.Number == number);

    private static ulong Number(IEnumerable<WireField> fields, int number) =>
        Of(fields, number).Select(f => f.Value).LastOrDefault();

    private string Text(ulong index) => index < (ulong)Strings.Count
        ? Strings[(int)index]
        : throw new InvalidDataException($"string {index} of {Strings.Count}");

    private PprofType TypeOf(WireField field)
    {
        List<WireField> f = [.. field.Message];
        return new PprofType(Text(Number(f, 1)), Text(Number(f, 2)));
    }

    private PprofMapping MappingOf(WireField field)
    {
        List<WireField> f = [.. field.Message];
        return new PprofMapping(
            Number(f, 1), Number(f, 2), Number(f, 3), Number(f, 4), Text(Number(f, 5)), Text(Number(f, 6)),
            Number(f, 7) != 0, Number(f, 8) != 0, Number(f, 9) != 0, Number(f, 10) != 0);
    }

    private PprofFunction FunctionOf(WireField field)
    {
        List<WireField> f = [.. field.Message];
        return new PprofFunction(Number(f, 1), Text(Number(f, 2)), Text(Number(f, 3)), Text(Number(f, 4)), (long)Number(f, 5));
    }

    private static PprofLocation LocationOf(
        WireField field, Dictionary<ulong, PprofMapping> mappings, Dictionary<ulong, PprofFunction> functions)
    {
        List<WireField> f = [.. field.Message];
        return new PprofLocation(
            Number(f, 1), Number(f, 2), mappings.GetValueOrDefault(Number(f, 2)), Number(f, 3),
            [.. Of(f, 4).Select(line => LineOf([.. line.Message], functions))]);
    }

    private static PprofLine LineOf(List<WireField> f, Dictionary<ulong, PprofFunction> functions) =>
        new(Number(f, 1), functions.GetValueOrDefault(Number(f, 1)), (long)Number(f, 2));

    private PprofSample SampleOf(WireField field, Dictionary<ulong, PprofLocation> locations)
    {
        List<WireField> f = [.. field.Message];
        List<ulong> ids = [.. Of(f, 1).SelectMany(x => x.Numbers())];
        return new PprofSample(
            ids, [.. ids.Select(locations.GetValueOrDefault)],
            [.. Of(f, 2).SelectMany(x => x.Numbers()).Select(v => (long)v)],
            [.. Of(f, 3).Select(label => LabelOf([.. label.Message]))]);
    }

    private PprofLabel LabelOf(List<WireField> f) => new(
        Text(Number(f, 1)), Number(f, 2) == 0 ? null : Text(Number(f, 2)), (long)Number(f, 3), Text(Number(f, 4)));
}
