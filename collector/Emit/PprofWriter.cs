using System.Globalization;
using System.IO.Compression;
using DotnetPprof.Model;
using Google.Protobuf;
using Pprof = Perftools.Profiles;

namespace DotnetPprof.Emit;

/// <summary>
/// Writes a profile in pprof's format, gzip-compressed: <c>samples/count</c> and <c>cpu/nanoseconds</c> per sample, the
/// latter last and the default. The same profile gives the same bytes.
/// </summary>
internal static class PprofWriter
{
    /// <summary>Thread labels carry Datadog's keys and, as Datadog's .NET and Node.js profilers write them, are strings.</summary>
    public const string ThreadIdLabel = "thread id";

    public const string ThreadNameLabel = "thread name";

    /// <summary>A number without a unit: nanoseconds since 1970-01-01T00:00:00Z.</summary>
    public const string EndTimestampLabel = "end_timestamp_ns";

    /// <summary>Writes <paramref name="profile"/> to <paramref name="output"/>, which is left open.</summary>
    public static void Write(Profile profile, Stream output)
    {
        using var compressed = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true);
        using var message = new CodedOutputStream(compressed, bufferSize: 1 << 16, leaveOpen: true);
        WriteMessage(profile, message);
    }

    /// <summary>
    /// The top-level message is written field by field, in field order: a capture with a time for every sample has
    /// millions of samples, of which only one exists as a message object at a time.
    /// </summary>
    private static void WriteMessage(Profile profile, CodedOutputStream message)
    {
        var strings = new StringTable();
        var samplesType = new Pprof.ValueType { Type = strings.Intern("samples"), Unit = strings.Intern("count") };
        var cpuType = new Pprof.ValueType { Type = strings.Intern("cpu"), Unit = strings.Intern("nanoseconds") };
        WriteField(message, Pprof.Profile.SampleTypeFieldNumber, samplesType);
        WriteField(message, Pprof.Profile.SampleTypeFieldNumber, cpuType);

        var tables = new CodeTables(strings, profile.MainMapping);
        WriteSamples(profile.Samples, strings, tables, message);
        WriteFields(message, Pprof.Profile.MappingFieldNumber, tables.Mappings);
        WriteFields(message, Pprof.Profile.LocationFieldNumber, tables.Locations);
        WriteFields(message, Pprof.Profile.FunctionFieldNumber, tables.Functions);

        var rest = new Pprof.Profile
        {
            TimeNanos = profile.Start.Value,
            DurationNanos = profile.DurationNanos,
            PeriodType = cpuType,
            Period = profile.PeriodNanos,
            DefaultSampleType = cpuType.Type,
        };
        rest.Comment.AddRange(profile.Comments.Select(strings.Intern));
        foreach (string text in strings.Strings)
        {
            message.WriteTag(Pprof.Profile.StringTableFieldNumber, WireFormat.WireType.LengthDelimited);
            message.WriteString(text);
        }
        rest.WriteTo(message);
    }

    private static void WriteSamples(
        IReadOnlyList<ProfileSample> samples, StringTable strings, CodeTables tables, CodedOutputStream message)
    {
        var threads = new Dictionary<ProfileThread, Pprof.Label[]>(ReferenceEqualityComparer.Instance);
        var time = new Pprof.Label();
        var entry = new Pprof.Sample();
        foreach (ProfileSample sample in samples)
        {
            entry.LocationId.Clear();
            entry.Value.Clear();
            entry.Label.Clear();
            for (int i = 0; i < sample.Stack.Count; i++)
                entry.LocationId.Add(tables.IdOf(sample.Stack[i]));
            entry.Value.Add(sample.Count);
            entry.Value.Add(sample.CpuNanos);
            if (sample.Thread is { } thread)
            {
                if (!threads.TryGetValue(thread, out Pprof.Label[]? labels))
                    threads.Add(thread, labels = LabelsOf(thread, strings));
                entry.Label.AddRange(labels);
            }
            if (sample.Time is { } taken)
            {
                time.Key = strings.Intern(EndTimestampLabel);
                time.Num = taken.Value;
                entry.Label.Add(time);
            }
            WriteField(message, Pprof.Profile.SampleFieldNumber, entry);
        }
    }

    private static Pprof.Label[] LabelsOf(ProfileThread thread, StringTable strings)
    {
        var id = new Pprof.Label
        {
            Key = strings.Intern(ThreadIdLabel),
            Str = strings.Intern(thread.Id.ToString(CultureInfo.InvariantCulture)),
        };
        // A label must have a value, and index 0, the empty string, counts as none.
        return thread.Name.Length == 0
            ? [id]
            : [id, new Pprof.Label { Key = strings.Intern(ThreadNameLabel), Str = strings.Intern(thread.Name) }];
    }

    private static void WriteFields<T>(CodedOutputStream message, int field, List<T> entries)
        where T : IMessage
    {
        foreach (T entry in entries)
            WriteField(message, field, entry);
    }

    private static void WriteField(CodedOutputStream message, int field, IMessage entry)
    {
        message.WriteTag(field, WireFormat.WireType.LengthDelimited);
        message.WriteMessage(entry);
    }
}
