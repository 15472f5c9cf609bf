using System.Text;
using System.Text.RegularExpressions;
using DotnetPprof.Tests.PprofReader;
using Pyroscope.Push.V1;
using Pyroscope.Types.V1;

namespace DotnetPprof.Tests.Upload.Servers;

/// <summary>
/// What makes Pyroscope 2.2.1 refuse a profile, drop it or change it, at its default limits (pkg/validation, and
/// pkg/distributor's rate limit).
/// </summary>
internal static partial class PyroscopeRules
{
    private const int RateLimitBurst = 2 << 20;

    public static IEnumerable<string> Violations(PushRequest request)
    {
        if (request.Series.Count == 0)
            yield return "there is no series";
        foreach (RawProfileSeries series in request.Series)
        {
            foreach (string broken in Labels(series.Labels))
                yield return broken;
            if (series.Samples.Count == 0)
                yield return "a series has no profile";
            foreach (RawSample sample in series.Samples)
            {
                if (!Guid.TryParse(sample.ID, out _))
                    yield return $"'{sample.ID}' is no UUID";
                foreach (string broken in Profile(sample.RawProfile.ToByteArray(), series.Labels))
                    yield return broken;
            }
        }
    }

    private static IEnumerable<string> Labels(IReadOnlyCollection<LabelPair> labels)
    {
        if (labels.Count > 30)
            yield return $"{labels.Count} labels";
        if (labels.Select(label => label.Name).Distinct().Count() != labels.Count)
            yield return "a label is there twice";
        if (!labels.Select(label => label.Name).SequenceEqual(labels.Select(label => label.Name).Order(StringComparer.Ordinal)))
            yield return "labels are not sorted";
        if (labels.SingleOrDefault(label => label.Name == "__name__")?.Value != "process_cpu")
            yield return "__name__ is not process_cpu";
        if (labels.SingleOrDefault(label => label.Name == "service_name") is not { Value.Length: > 0 })
            yield return "there is no service_name";
        foreach (LabelPair label in labels)
        {
            foreach (string broken in Label(label.Name, label.Value))
                yield return broken;
        }
    }

    private static IEnumerable<string> Label(string name, string value)
    {
        if (!Name().IsMatch(name))
            yield return $"'{name}' is no label's name";
        if (name.StartsWith("__", StringComparison.Ordinal) && name != "__name__")
            yield return $"'{name}' is the server's own";
        if (Encoding.UTF8.GetByteCount(name) > 1024)
            yield return "a label's name is too long";
        if (value.Length == 0 || Encoding.UTF8.GetByteCount(value) > 2048)
            yield return $"label '{name}' has no value, or one that is too long";
    }

    private static IEnumerable<string> Profile(byte[] raw, IEnumerable<LabelPair> seriesLabels)
    {
        using var stream = new MemoryStream(raw);
        PprofFile file = PprofFile.Read(stream);
        foreach (string broken in PprofRules.Violations(file))
            yield return broken;
        int bytes = TestServer.Unzip(raw).Length;
        if (bytes > RateLimitBurst)
            yield return $"the profile has {bytes} bytes: the rate limit would refuse it for ever";
        if (file.Samples.Count is 0 or > 16_000)
            yield return $"the profile has {file.Samples.Count} samples";
        if (file.TimeNanos <= 0)
            yield return "the profile has no time";
        if (file.SampleTypes.Any(type => type.Type.Contains('-')))
            yield return "a sample type has a dash";
        if (!file.SampleTypes.Select(type => $"{type.Type}:{type.Unit}").SequenceEqual(["samples:count", "cpu:nanoseconds"]) || file.PeriodType != new PprofType("cpu", "nanoseconds"))
            yield return "the sample types are not those of process_cpu";
        if (file.Strings.Any(text => Encoding.UTF8.GetByteCount(text) > 65_535))
            yield return "a string is so long that it is cut";
        foreach (PprofSample sample in file.Samples)
        {
            if (sample.Values.All(value => value == 0))
                yield return "a sample without a value is thrown away";
            if (sample.LocationIds.Count > 1000)
                yield return "a stack is so deep that it is cut";
            foreach (PprofLabel label in sample.Labels)
            {
                if (label.Text is null)
                    yield return $"numeric label '{label.Key}' is ignored";
                else if (seriesLabels.Any(own => own.Name == label.Key))
                    yield return $"label '{label.Key}' is the series' own already";
                foreach (string broken in Label(label.Key, label.Text ?? "0"))
                    yield return broken;
            }
        }
    }

    [GeneratedRegex("^[a-zA-Z_][a-zA-Z0-9_]*$")]
    private static partial Regex Name();
}
