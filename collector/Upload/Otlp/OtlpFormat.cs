using DotnetPprof.Model;
using Google.Protobuf;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Profiles.V1Development;
using OpenTelemetry.Proto.Resource.V1;
using Profile = DotnetPprof.Model.Profile;

namespace DotnetPprof.Upload.Otlp;

/// <summary>
/// Profiles as OpenTelemetry's eBPF profiler sends them (opentelemetry-proto 1.11.0, profiles v1development): one
/// resource per process, and <c>samples/count</c> by a period of <c>cpu/nanoseconds</c>.
/// </summary>
/// <param name="fileHash">The htlhash of a file: the process's pid and the path in it, see <see cref="FileHash"/>.</param>
/// <param name="partBytes">See <see cref="PartBytes"/>.</param>
internal sealed class OtlpFormat(Func<int, string, string?> fileHash, int partBytes = OtlpFormat.PartBytes) : IUploadFormat
{
    /// <summary>
    /// gRPC servers refuse messages of more than 4 MiB by default, uncompressed, and for good. Exceeded by at most one
    /// sample and the names new with it.
    /// </summary>
    internal const int PartBytes = 3 << 20;

    /// <summary>
    /// For one entry of time without samples, or it could outgrow a message by itself: a minute of one core at 1666 Hz.
    /// Beyond that its share is shown too small.
    /// </summary>
    private const long MostTimes = 100_000;

    private const string Schema = "https://opentelemetry.io/schemas/1.37.0";

    private static readonly string Version = typeof(OtlpFormat).Assembly.GetName().Version!.ToString(3);

    public bool TakesTimes => true;

    public IReadOnlyList<byte[]> Encode(Profile profile, ProfileOrigin origin)
    {
        long period = Period(profile);
        bool times = profile.Timed is not null || profile.Samples.Any(sample => sample.Time is not null);
        var messages = new List<byte[]>();
        using IEnumerator<ProfileSample> samples = ((IEnumerable<ProfileSample>?)profile.Timed ?? profile.Samples).GetEnumerator();
        for (bool more = samples.MoveNext(); more;)
        {
            var request = new ExportProfilesServiceRequest { Dictionary = new() };
            var tables = new OtlpDictionary(request.Dictionary, path => fileHash(origin.Pid, path));
            var part = Describe(profile, period, messages.Count, tables);
            var entries = new OtlpSamples(part, tables, times);
            for (; more && entries.Bytes + tables.Bytes < partBytes; more = samples.MoveNext())
            {
                long count = Count(samples.Current, period);
                if (count > 0)
                    entries.Add(samples.Current, times ? Math.Min(count, MostTimes) : count);
            }
            tables.Finish();
            if (part.Samples.Count == 0)
                break;
            request.ResourceProfiles.Add(new ResourceProfiles
            {
                Resource = ResourceOf(origin),
                SchemaUrl = Schema,
                ScopeProfiles =
                {
                    new ScopeProfiles { Scope = new() { Name = "dotnet-pprof", Version = Version }, SchemaUrl = Schema, Profiles = { part } },
                },
            });
            messages.Add(request.ToByteArray());
        }
        return messages;
    }

    /// <summary>
    /// CPU time that a sample stands for on average. Receivers multiply samples by the period, and samples are fewer
    /// than were asked for where the kernel or the overhead budget says so.
    /// </summary>
    private static long Period(Profile profile)
    {
        long count = 0;
        long nanos = 0;
        foreach (ProfileSample sample in profile.Samples)
        {
            if (sample.Count <= 0)
                continue;
            count += sample.Count;
            nanos += sample.CpuNanos;
        }
        return count > 0 && nanos > 0 ? Math.Max(1, (nanos + (count / 2)) / count) : Math.Max(1, profile.PeriodNanos);
    }

    /// <summary>CPU time without samples becomes as many as would stand for it, so that its share is right.</summary>
    private static long Count(in ProfileSample sample, long period) =>
        sample.Count > 0 ? sample.Count : (sample.CpuNanos + (period / 2)) / period;

    private static OpenTelemetry.Proto.Profiles.V1Development.Profile Describe(Profile profile, long period, int part, OtlpDictionary tables)
    {
        // Receivers that keep profiles by series and millisecond would take parts of one time for copies.
        long start = profile.Start.Value + (part * 1_000_000L);
        return new()
        {
            SampleType = new() { TypeStrindex = tables.String("samples"), UnitStrindex = tables.String("count") },
            PeriodType = new() { TypeStrindex = tables.String("cpu"), UnitStrindex = tables.String("nanoseconds") },
            Period = period,
            TimeUnixNano = (ulong)start,
            DurationNano = (ulong)Math.Max(1, profile.Start.Value + profile.DurationNanos - start),
            ProfileId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()),
        };
    }

    private static Resource ResourceOf(ProfileOrigin origin)
    {
        var attributes = new Dictionary<string, AnyValue>(StringComparer.Ordinal) { ["service.name"] = Text(origin.Service) };
        if (origin.ContainerId.Length > 0)
            attributes.Add("container.id", Text(origin.ContainerId));
        attributes.Add("process.pid", new AnyValue { IntValue = origin.Pid });
        if (origin.Executable.Length > 0)
        {
            attributes.Add("process.executable.path", Text(origin.Executable));
            attributes.Add("process.executable.name", Text(Path.GetFileName(origin.Executable)));
        }
        foreach ((string key, string value) in origin.Attributes)
        {
            if (key.Length > 0 && value.Length > 0)
                attributes.TryAdd(key, Text(value));
        }
        var resource = new Resource();
        resource.Attributes.AddRange(attributes.Select(attribute => new KeyValue { Key = attribute.Key, Value = attribute.Value }));
        return resource;
    }

    /// <summary>Half a surrogate pair has no form in UTF-8.</summary>
    private static AnyValue Text(string value) =>
        new() { StringValue = System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(value)) };
}
