using System.Collections;
using DotnetPprof.Model;
using DotnetPprof.Tests.Upload.Servers;
using DotnetPprof.Upload.Otlp;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;
using OpenTelemetry.Proto.Profiles.V1Development;
using Xunit;
using Location = DotnetPprof.Model.Location;
using Profile = DotnetPprof.Model.Profile;
using Wire = OpenTelemetry.Proto.Profiles.V1Development;

namespace DotnetPprof.Tests.Upload;

public class OtlpFormatTests
{
    [Fact]
    public void WholeProfileWithoutTimes()
    {
        ExportProfilesServiceRequest request = Assert.Single(Encode(SampleProfiles.Whole()));
        Assert.Equal(
            [
                "10 x memcpy:native < App.Copy:dotnet < App.Main:dotnet (thread.name=worker one thread.id=17)",
                "5 x [kernel]:kernel < read:native < App.Main:dotnet (thread.id=18)",
                "3 x App.Copy:dotnet < App.Main:dotnet (thread.name=worker one thread.id=19)",
                "2 x [unsampled threads] ()",
            ],
            Text(request));
        Wire.Profile profile = ProfileOf(request);
        Assert.Equal(SampleProfiles.PeriodNanos, profile.Period);
        Assert.Equal((ulong)SampleProfiles.Start.Value, profile.TimeUnixNano);
        Assert.Equal((ulong)SampleProfiles.DurationNanos, profile.DurationNano);
        Assert.Equal(
            ["service.name=shop", $"container.id={new string('a', 64)}", "process.pid=4711", "process.executable.path=/usr/bin/dotnet",
                "process.executable.name=dotnet", "service.version=1.2", "host.name=node-7"],
            request.ResourceProfiles[0].Resource.Attributes.Select(a => $"{a.Key}={(a.Value.HasIntValue ? a.Value.IntValue : a.Value.StringValue)}"));
    }

    [Fact]
    public void MappingsCarryBuildIds()
    {
        ProfilesDictionary tables = Assert.Single(Encode(SampleProfiles.Whole())).Dictionary;
        Assert.Equal(
            [
                "",
                "/usr/lib/libc.so.6 7f0000000000-7f0000100000 1000 process.executable.build_id.gnu=0123abcd process.executable.build_id.htlhash=4711:/usr/lib/libc.so.6",
                "/srv/App.dll 0-0 0 process.executable.build_id.htlhash=4711:/srv/App.dll",
            ],
            tables.MappingTable.Select((m, i) => i == 0 ? "" :
                $"{tables.StringTable[m.FilenameStrindex]} {m.MemoryStart:x}-{m.MemoryLimit:x} {m.FileOffset:x} {Attributes(m.AttributeIndices, tables)}"));
    }

    [Fact]
    public void EachTimeIsASample()
    {
        var thread = new ProfileThread(17, "main");
        IReadOnlyList<Location> stack = [SampleProfiles.Managed("App.Run")];
        IReadOnlyList<Location> elsewhere = [SampleProfiles.Managed("App.Run", 0x9999)];
        Profile profile = SampleProfiles.Of(new ProfileSample(stack, thread, 3, 3 * SampleProfiles.PeriodNanos, null)) with
        {
            Timed = new Timed(
                new ProfileSample(stack, thread, 1, 1, At(5)),
                new ProfileSample(elsewhere, thread, 1, 1, At(7)),
                new ProfileSample(stack, thread, 1, 1, At(99_999)),
                new ProfileSample([SampleProfiles.Synthetic("[unsampled threads]")], null, 0, 4 * SampleProfiles.PeriodNanos, null)),
        };
        ExportProfilesServiceRequest request = Assert.Single(Encode(profile));
        Assert.Equal(["3 at App.Run:dotnet (thread.name=main thread.id=17)", "4 at [unsampled threads] ()"], Text(request));
        Wire.Sample sample = ProfileOf(request).Samples[0];
        // The second place is the same method, and the last time is not the window's any more.
        Assert.Equal([5_000_000_000, 7_000_000_000, (ulong)SampleProfiles.DurationNanos - 1], sample.TimestampsUnixNano.Select(t => t - (ulong)SampleProfiles.Start.Value));
    }

    [Fact]
    public void PeriodIsWhatASampleStandsFor()
    {
        ProfileSample half = SampleProfiles.Sample(null, 10, SampleProfiles.Managed("App.Run")) with { CpuNanos = 20 * SampleProfiles.PeriodNanos };
        ExportProfilesServiceRequest request = Assert.Single(Encode(SampleProfiles.Of(half)));
        Assert.Equal(2 * SampleProfiles.PeriodNanos, ProfileOf(request).Period);
    }

    [Theory]
    [InlineData(100_000, 10)]
    [InlineData(10_000, 1_000)]
    public void LargeProfilesComeInParts(int stacks, int nameLength)
    {
        List<ExportProfilesServiceRequest> parts = Encode(SampleProfiles.Large(stacks, nameLength));
        Assert.True(parts.Count > 1);
        Assert.Equal(stacks, parts.Sum(part => ProfileOf(part).Samples.Sum(sample => sample.Values[0])));
        Assert.Equal(parts.Count, parts.Select(part => ProfileOf(part).TimeUnixNano / 1_000_000).Distinct().Count());
        Assert.Equal(parts.Count, parts.Select(part => ProfileOf(part).ProfileId).Distinct().Count());
    }

    [Fact]
    public void NothingIsSentOfNothing() => Assert.Empty(Encode(SampleProfiles.Of()));

    private static UnixNanos At(long seconds) => new(SampleProfiles.Start.Value + (seconds * 1_000_000_000));

    private static List<ExportProfilesServiceRequest> Encode(Profile profile)
    {
        IReadOnlyList<byte[]> messages = new OtlpFormat((pid, path) => $"{pid}:{path}").Encode(profile, SampleProfiles.Origin);
        List<ExportProfilesServiceRequest> requests = [.. messages.Select(ExportProfilesServiceRequest.Parser.ParseFrom)];
        Assert.Empty(requests.Zip(messages).SelectMany(pair => OtlpRules.Violations(pair.First, pair.Second.Length)));
        return requests;
    }

    private static Wire.Profile ProfileOf(ExportProfilesServiceRequest request) => request.ResourceProfiles[0].ScopeProfiles[0].Profiles[0];

    private static IEnumerable<string> Text(ExportProfilesServiceRequest request)
    {
        ProfilesDictionary tables = request.Dictionary;
        foreach (Wire.Sample sample in ProfileOf(request).Samples)
        {
            string count = sample.Values.Count > 0 ? $"{sample.Values[0]} x" : $"{sample.TimestampsUnixNano.Count} at";
            IEnumerable<string> frames = tables.StackTable[sample.StackIndex].LocationIndices.Select(i => Frame(tables.LocationTable[i], tables));
            yield return $"{count} {string.Join(" < ", frames)} ({Attributes(sample.AttributeIndices, tables)})";
        }
    }

    private static string Frame(Wire.Location location, ProfilesDictionary tables)
    {
        string name = tables.StringTable[tables.FunctionTable[location.Lines[0].FunctionIndex].NameStrindex];
        return location.AttributeIndices.Count == 0 ? name : $"{name}:{tables.AttributeTable[location.AttributeIndices[0]].Value.StringValue}";
    }

    private static string Attributes(IEnumerable<int> indices, ProfilesDictionary tables) => string.Join(' ', indices
        .Select(i => tables.AttributeTable[i])
        .Select(a => $"{tables.StringTable[a.KeyStrindex]}={(a.Value.HasIntValue ? a.Value.IntValue : a.Value.StringValue)}"));

    private sealed class Timed(params ProfileSample[] samples) : ITimedSamples
    {
        public IEnumerator<ProfileSample> GetEnumerator() => samples.AsEnumerable().GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public void Dispose()
        {
        }
    }
}
