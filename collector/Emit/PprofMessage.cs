using System.IO.Compression;
using DotnetPprof.Model;
using Google.Protobuf;
using Pprof = Perftools.Profiles;

namespace DotnetPprof.Emit;

/// <summary>
/// One pprof file while it is written. The top-level message goes out field by field, samples first, so that no more
/// than its tables are ever in memory.
/// </summary>
internal sealed class PprofMessage : IDisposable
{
    private readonly Profile profile;
    private readonly GZipStream compressed;
    private readonly CodedOutputStream message;
    private readonly StringTable strings = new();
    private readonly CodeTables tables;
    private readonly SampleEncoder samples;
    private readonly Pprof.ValueType cpuType;
    private long sampleBytes;

    /// <param name="output">Left open.</param>
    /// <param name="profile">Told of all but its samples.</param>
    /// <param name="labels">What samples carry; as files do when null.</param>
    public PprofMessage(Stream output, Profile profile, SampleLabels? labels = null)
    {
        this.profile = profile;
        // Where every sample has a time there are gigabytes, all alike: more effort takes twice as long for a tenth less.
        compressed = new GZipStream(output, profile.Timed is null ? CompressionLevel.Optimal : CompressionLevel.Fastest, leaveOpen: true);
        message = new CodedOutputStream(compressed, bufferSize: 1 << 16, leaveOpen: true);
        var samplesType = new Pprof.ValueType { Type = strings.Intern("samples"), Unit = strings.Intern("count") };
        cpuType = new Pprof.ValueType { Type = strings.Intern("cpu"), Unit = strings.Intern("nanoseconds") };
        WriteField(Pprof.Profile.SampleTypeFieldNumber, samplesType);
        WriteField(Pprof.Profile.SampleTypeFieldNumber, cpuType);
        tables = new CodeTables(strings, profile.MainMapping);
        samples = new SampleEncoder(strings, tables, labels ?? SampleLabels.OfFiles, message);
    }

    /// <summary>What the message would have as it stands, uncompressed, but for a few hundred bytes and its comments.</summary>
    public long Bytes => sampleBytes + tables.Bytes + strings.Bytes;

    public void Add(in ProfileSample sample) => sampleBytes += samples.Write(sample);

    /// <summary>Writes the tables and what else belongs to the profile. Nothing may be added afterwards.</summary>
    public void Finish(UnixNanos start, long durationNanos, IEnumerable<string> comments)
    {
        WriteFields(Pprof.Profile.MappingFieldNumber, tables.Mappings);
        WriteFields(Pprof.Profile.LocationFieldNumber, tables.Locations);
        WriteFields(Pprof.Profile.FunctionFieldNumber, tables.Functions);
        var rest = new Pprof.Profile
        {
            TimeNanos = start.Value,
            DurationNanos = durationNanos,
            PeriodType = cpuType,
            Period = profile.PeriodNanos,
            DefaultSampleType = cpuType.Type,
        };
        rest.Comment.AddRange(comments.Select(strings.Intern));
        foreach (string text in strings.Strings)
        {
            message.WriteTag(Pprof.Profile.StringTableFieldNumber, WireFormat.WireType.LengthDelimited);
            message.WriteString(text);
        }
        rest.WriteTo(message);
        message.Flush();
    }

    public void Dispose()
    {
        message.Dispose();
        compressed.Dispose();
    }

    private void WriteFields<T>(int field, List<T> entries)
        where T : IMessage
    {
        foreach (T entry in entries)
            WriteField(field, entry);
    }

    private void WriteField(int field, IMessage entry)
    {
        message.WriteTag(field, WireFormat.WireType.LengthDelimited);
        message.WriteMessage(entry);
    }
}
