using DotnetPprof.Model;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.Upload.Servers;
using DotnetPprof.Upload;
using DotnetPprof.Upload.Pyroscope;
using Pyroscope.Push.V1;
using Xunit;

namespace DotnetPprof.Tests.Upload;

public class PyroscopeFormatTests
{
    [Fact]
    public void WholeProfileKeepsItsTime()
    {
        Profile profile = SampleProfiles.Whole();
        PushRequest request = Assert.Single(Encode(profile));
        PprofFile pprof = PprofOf(request);
        Assert.Equal(profile.Samples.Sum(sample => sample.CpuNanos), pprof.Samples.Sum(sample => sample.Values[1]));
        Assert.Equal(profile.Samples.Sum(sample => sample.Count), pprof.Samples.Sum(sample => sample.Values[0]));
        Assert.Equal(SampleProfiles.Start.Value, pprof.TimeNanos);
        Assert.Equal(
            ["__name__=process_cpu", "host_name=node-7", "process_pid=4711", "service_name=shop", "service_version=1.2"],
            request.Series[0].Labels.Select(label => $"{label.Name}={label.Value}"));
    }

    [Fact]
    public void ThreadsOfOneNameAreOneSeries()
    {
        Location place = SampleProfiles.Managed("App.Run");
        IReadOnlyList<Location> stack = [place];
        Profile profile = SampleProfiles.Of(
            new ProfileSample(stack, new ProfileThread(1, "pool"), 1, 10, null),
            new ProfileSample(stack, new ProfileThread(2, "pool"), 2, 20, null),
            new ProfileSample(stack, new ProfileThread(3, ""), 4, 40, null));
        PprofFile pprof = PprofOf(Assert.Single(Encode(profile)));
        Assert.Equal(
            ["3 30 thread_name=pool", "4 40 "],
            pprof.Samples.Select(s => $"{s.Values[0]} {s.Values[1]} {string.Join(' ', s.Labels.Select(l => $"{l.Key}={l.Text}"))}"));
    }

    [Fact]
    public void ThreadNamesAreFew()
    {
        ProfileSample[] samples =
            [.. Enumerable.Range(1, 100).Select(i => SampleProfiles.Sample(new ProfileThread(i, $"thread {i}"), i, SampleProfiles.Managed("App.Run")))];
        PprofFile pprof = PprofOf(Assert.Single(Encode(SampleProfiles.Of(samples))));
        List<string?> names = [.. pprof.Samples.Select(sample => sample.Label("thread_name")?.Text).Distinct()];
        Assert.Equal(ThreadNameSums.MostNames + 1, names.Count);
        Assert.Contains("thread 100", names);
        Assert.Contains(ThreadNameSums.Others, names);
        Assert.Equal(samples.Sum(sample => sample.CpuNanos), pprof.Samples.Sum(sample => sample.Values[1]));
    }

    [Theory]
    [InlineData(40_000, 10)]
    [InlineData(10_000, 1_000)]
    public void LargeProfilesComeInParts(int stacks, int nameLength)
    {
        Profile profile = SampleProfiles.Large(stacks, nameLength);
        List<PushRequest> requests = Encode(profile);
        Assert.True(requests.Count > 1);
        List<PprofFile> parts = [.. requests.Select(PprofOf)];
        Assert.Equal(stacks, parts.Sum(part => part.Samples.Count));
        Assert.Equal(profile.Samples.Sum(sample => sample.CpuNanos), parts.Sum(part => part.Samples.Sum(sample => sample.Values[1])));
        // What has one series and one millisecond is taken for a copy.
        Assert.Equal(parts.Count, parts.Select(part => part.TimeNanos / 1_000_000).Distinct().Count());
    }

    [Fact]
    public void LabelsAreMadeLegal()
    {
        List<KeyValuePair<string, string>> attributes =
        [
            new("9lives", "a"), new("with space", "b"), new("with.dot", "c"), new("with-dot", "d"), new("__reserved", "e"), new("service_name", "other"),
            new("thread_name", "t"), new("empty", ""), new(new string('n', 2000), "long"), new("long", new string('é', 1500)), new("", "none"), new("half", "x\ud800y"),
            .. Enumerable.Range(0, 100).Select(i => new KeyValuePair<string, string>($"many{i}", "v")),
        ];
        ProfileOrigin origin = SampleProfiles.Origin with { Attributes = attributes };
        PushRequest request = PushRequest.Parser.ParseFrom(Assert.Single(new PyroscopeFormat().Encode(SampleProfiles.Whole(), origin)));
        Assert.Empty(PyroscopeRules.Violations(request));
        Dictionary<string, string> labels = request.Series[0].Labels.ToDictionary(label => label.Name, label => label.Value);
        // A sample's thread is a label of the series too, and must be the thirtieth at most.
        Assert.Equal(29, labels.Count);
        Assert.Equal(("a", "b", "c"), (labels["_9lives"], labels["with_space"], labels["with_dot"]));
        Assert.Equal("shop", labels["service_name"]);
        Assert.Equal(new string('é', 1024), labels["long"]);
        Assert.Equal("x\ufffdy", labels["half"]);
    }

    [Fact]
    public void NothingIsSentOfNothing() => Assert.Empty(new PyroscopeFormat().Encode(SampleProfiles.Of(), SampleProfiles.Origin));

    private static List<PushRequest> Encode(Profile profile)
    {
        List<PushRequest> requests = [.. new PyroscopeFormat().Encode(profile, SampleProfiles.Origin).Select(PushRequest.Parser.ParseFrom)];
        Assert.Empty(requests.SelectMany(PyroscopeRules.Violations));
        return requests;
    }

    private static PprofFile PprofOf(PushRequest request) =>
        PprofFile.Read(new MemoryStream(Assert.Single(Assert.Single(request.Series).Samples).RawProfile.ToByteArray()));
}
