using System.Globalization;
using System.IO.Compression;
using DotnetPprof.Emit;
using Pprof = Perftools.Profiles;

namespace DotnetPprof.Bench.Capacity;

/// <summary>What a profile says was sampled: the far end of the pipeline.</summary>
internal sealed class DrainedProfile
{
    private readonly Pprof.Profile profile;
    private readonly HashSet<ulong> managed;

    internal DrainedProfile(string path)
    {
        using var file = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        profile = Pprof.Profile.Parser.ParseFrom(file);
        HashSet<ulong> assemblies = [.. profile.Mapping.Where(mapping => Text(mapping.Filename).EndsWith(".dll", StringComparison.OrdinalIgnoreCase)).Select(mapping => mapping.Id)];
        managed = [.. profile.Location.Where(location => assemblies.Contains(location.MappingId)).Select(location => location.Id)];
    }

    /// <summary>samples/count of all samples.</summary>
    internal long Samples => profile.Sample.Sum(sample => sample.Value[0]);

    internal long SamplesOf(int tid) => Of(tid).Sum(sample => sample.Value[0]);

    /// <summary>Frames of the stack that a thread was found on most, lost samples aside, and how many of them are managed.</summary>
    internal (int Frames, int Managed) DepthOf(int tid) => Of(tid).Where(sample => sample.LocationId.Count > 1).MaxBy(sample => sample.Value[0]) is { } sample
        ? (sample.LocationId.Count, sample.LocationId.Count(managed.Contains))
        : default;

    private IEnumerable<Pprof.Sample> Of(int tid)
    {
        string id = tid.ToString(CultureInfo.InvariantCulture);
        return profile.Sample.Where(sample => sample.Label.Any(label => Text(label.Key) == SampleLabels.OfFiles.ThreadId && Text(label.Str) == id));
    }

    private string Text(long index) => profile.StringTable[(int)index];
}
