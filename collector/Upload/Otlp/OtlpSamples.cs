using DotnetPprof.Model;
using Google.Protobuf;
using Wire = OpenTelemetry.Proto.Profiles.V1Development;

namespace DotnetPprof.Upload.Otlp;

/// <summary>
/// The samples of one OpenTelemetry profile: one entry for each stack and thread. With times, an entry is a list of
/// times, each of which stands for one sample, and has no values (what receivers take for <c>samples/count</c>);
/// without, it has the number of samples as its only value.
/// </summary>
/// <param name="profile">What is added to.</param>
/// <param name="tables">Where names go.</param>
/// <param name="times">Whether entries have times.</param>
internal sealed class OtlpSamples(Wire.Profile profile, OtlpDictionary tables, bool times)
{
    private readonly Dictionary<(int Stack, ProfileThread? Thread), Wire.Sample> samples = [];

    /// <summary>What the samples take in a message, about.</summary>
    public long Bytes { get; private set; }

    /// <param name="sample">Its stack and thread.</param>
    /// <param name="count">How many samples it stands for.</param>
    public void Add(in ProfileSample sample, long count)
    {
        Wire.Sample entry = EntryOf(sample);
        if (!times)
        {
            if (entry.Values.Count == 0)
                entry.Values.Add(0);
            entry.Values[0] += count;
            return;
        }
        long end = (long)(profile.TimeUnixNano + profile.DurationNano) - 1;
        for (long i = 0; i < count; i++)
        {
            // Time that no sample was taken in has no moment of its own: it is spread over the whole.
            long time = sample.Time?.Value ?? (long)profile.TimeUnixNano + (long)(profile.DurationNano * ((i + 0.5) / count));
            entry.TimestampsUnixNano.Add((ulong)Math.Clamp(time, (long)profile.TimeUnixNano, end));
        }
        Bytes += count * sizeof(ulong);
    }

    private Wire.Sample EntryOf(in ProfileSample sample)
    {
        (int, ProfileThread?) key = (tables.Stack(sample.Stack), sample.Thread);
        if (samples.TryGetValue(key, out Wire.Sample? entry))
            return entry;
        entry = new Wire.Sample { StackIndex = key.Item1 };
        if (sample.Thread is { } thread)
        {
            if (thread.Name.Length > 0)
                entry.AttributeIndices.Add(tables.Attribute("thread.name", thread.Name));
            entry.AttributeIndices.Add(tables.Attribute("thread.id", thread.Id));
        }
        samples.Add(key, entry);
        profile.Samples.Add(entry);
        // The length of the list of values or times is not known yet.
        Bytes += 12 + CodedOutputStream.ComputeMessageSize(entry);
        return entry;
    }
}
