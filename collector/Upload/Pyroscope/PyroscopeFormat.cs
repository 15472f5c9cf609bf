using DotnetPprof.Emit;
using DotnetPprof.Model;
using Google.Protobuf;
using Pyroscope.Push.V1;
using Pyroscope.Types.V1;

namespace DotnetPprof.Upload.Pyroscope;

/// <summary>
/// Profiles as Pyroscope's push API takes them: pprof with its own labels, in as many requests as its default limits
/// ask for (Pyroscope 2.2.1: 16,000 samples and 4 MiB a profile, uncompressed, and no more than 2 MiB at once before its
/// rate limit refuses a profile for ever).
/// </summary>
internal sealed class PyroscopeFormat : IUploadFormat
{
    internal const int MostSamples = 16_000;

    /// <summary>Exceeded by at most one sample and the names new with it.</summary>
    internal const int PartBytes = 3 << 19;

    /// <summary>Numeric labels are ignored there and names with spaces refused.</summary>
    private static readonly SampleLabels Labels = new(ThreadId: null, PyroscopeLabels.Thread, EndTimestamp: null);

    private readonly int partBytes;

    public PyroscopeFormat(int partBytes = PartBytes)
    {
        this.partBytes = partBytes;
    }

    public bool TakesTimes => false;

    public IReadOnlyList<byte[]> Encode(Profile profile, ProfileOrigin origin)
    {
        IReadOnlyList<LabelPair> labels = PyroscopeLabels.Of(origin);
        List<ProfileSample> samples = ThreadNameSums.Of(profile.Samples);
        var messages = new List<byte[]>();
        for (int next = 0; next < samples.Count;)
        {
            using var pprof = new MemoryStream();
            using (var message = new PprofMessage(pprof, profile with { Timed = null }, Labels))
            {
                for (int count = 0; next < samples.Count && count < MostSamples && (count == 0 || message.Bytes < partBytes); count++)
                    message.Add(samples[next++]);
                message.Finish(PartStart(profile, messages.Count), profile.DurationNanos, profile.Comments);
            }
            var series = new RawProfileSeries { Samples = { new RawSample { RawProfile = Contents(pprof), ID = Guid.NewGuid().ToString() } } };
            series.Labels.AddRange(labels);
            messages.Add(new PushRequest { Series = { series } }.ToByteArray());
        }
        return messages;
    }

    /// <summary>Profiles of one series and one millisecond are taken for copies of each other.</summary>
    private static UnixNanos PartStart(Profile profile, int part) => new(profile.Start.Value + (part * 1_000_000L));

    private static ByteString Contents(MemoryStream stream) => UnsafeByteOperations.UnsafeWrap(stream.GetBuffer().AsMemory(0, (int)stream.Length));
}
