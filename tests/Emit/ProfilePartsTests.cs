using System.Collections;
using DotnetPprof.Emit;
using DotnetPprof.Model;
using DotnetPprof.Tests.Files;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.Emit;

public sealed class ProfilePartsTests : IDisposable
{
    private const long Start = 1_700_000_000_000_000_000;
    private const long Duration = 10_000_000;
    private const long SmallPart = 4096;

    private readonly string directory = Directory.CreateTempSubdirectory("dotnet-pprof-test-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData("/a/b.pb.gz", 2, "/a/b.2.pb.gz")]
    [InlineData("b.pprof", 12, "b.12.pprof")]
    [InlineData("/a.b/c", 3, "/a.b/c.3")]
    public void NumberGoesBeforeTheExtension(string path, int number, string expected) =>
        Assert.Equal(expected, ProfileParts.Numbered(path, number));

    [Fact]
    public void SmallProfileIsOneFile()
    {
        Assert.Equal([InDirectory("a.pb.gz")], ProfileParts.Write(InDirectory("a.pb.gz"), TinyProfile.Create()));
        Assert.Equal(PprofWriterTests.Write(TinyProfile.Create()), File.ReadAllBytes(InDirectory("a.pb.gz")));
    }

    [Fact]
    public void EveryPartIsAProfileOfItsOwnAndTogetherTheyAreTheWhole()
    {
        List<ProfileSample> samples = Samples(1000);
        IReadOnlyList<string> files = ProfileParts.Write(InDirectory("a.pb.gz"), Timed(samples), SmallPart);
        Assert.InRange(files.Count, 10, 100);
        Assert.Equal([InDirectory("a.pb.gz"), InDirectory("a.2.pb.gz"), InDirectory("a.3.pb.gz")], files.Take(3));
        Assert.Equal(files.Order(), Directory.GetFiles(directory).Order());

        List<PprofFile> parts = [.. files.Select(PprofFile.Read)];
        parts.ForEach(part => part.CheckValid());
        List<PprofSample> all = [.. parts.SelectMany(part => part.Samples)];
        Assert.Equal(samples.Select(s => (s.Count, s.CpuNanos, s.Time!.Value.Value)), all.Select(s => (s.Values[0], s.Values[1], s.Label("end_timestamp_ns")!.Number)));
        Assert.Equal(samples.Select(s => s.Stack[0].Lines[0].Function.Name), all.Select(s => s.FunctionNames.First()));
        Assert.Equal(samples.Select(s => $"{s.Thread!.Id}"), all.Select(s => s.Label("thread id")!.Text));
    }

    [Fact]
    public void PartsTakeTurnsInTime()
    {
        List<PprofFile> parts = [.. ProfileParts.Write(InDirectory("a.pb.gz"), Timed(Samples(1000)), SmallPart).Select(PprofFile.Read)];
        Assert.Equal(Start, parts[0].TimeNanos);
        Assert.Equal(Duration, parts.Sum(part => part.DurationNanos));
        Assert.All(parts.Zip(parts.Skip(1)), pair => Assert.Equal(pair.First.TimeNanos + pair.First.DurationNanos, pair.Second.TimeNanos));
        Assert.All(parts, part => Assert.All(part.Samples, s =>
            Assert.InRange(s.Label("end_timestamp_ns")!.Number, part.TimeNanos, part.TimeNanos + part.DurationNanos)));
        Assert.Contains("part: 1; the others are files of their own", parts[0].Comments);
        Assert.Contains($"part: {parts.Count}, the last; the others are files of their own", parts[^1].Comments);
    }

    [Fact]
    public void PartsExceedTheLimitByNoMoreThanASample()
    {
        foreach (string file in ProfileParts.Write(InDirectory("a.pb.gz"), Timed(Samples(1000)), SmallPart))
        {
            using var gzip = new System.IO.Compression.GZipStream(File.OpenRead(file), System.IO.Compression.CompressionMode.Decompress);
            using var bytes = new MemoryStream();
            gzip.CopyTo(bytes);
            Assert.InRange(bytes.Length, 1, SmallPart + 512);
        }
    }

    [Fact]
    public void SumsAreSplitAsWell()
    {
        List<ProfileSample> sums = [.. Samples(500).Select(s => s with { Time = null })];
        IReadOnlyList<string> files = ProfileParts.Write(InDirectory("a.pb.gz"), TinyProfile.Create([.. sums]), SmallPart);
        Assert.InRange(files.Count, 3, 50);
        Assert.Equal(sums.Sum(s => s.CpuNanos), files.SelectMany(file => PprofFile.Read(file).Samples).Sum(s => s.Values[1]));
    }

    [Fact]
    public void DeviceGetsEverythingInOne() =>
        Assert.Equal(["/dev/null"], ProfileParts.Write("/dev/null", Timed(Samples(1000)), SmallPart));

    [Fact]
    public void FullDiskKeepsFinishedPartsAndTheRestWithoutTimes()
    {
        using var disk = SmallDisk.Mount(megabytes: 1);
        // What other temporary files took before; it is given back with the samples' own.
        string ballast = Path.Join(disk.Path, "spill");
        File.WriteAllBytes(ballast, new byte[700_000]);
        List<ProfileSample> samples = Samples(60_000);
        Profile profile = Timed(samples, onDispose: () => File.Delete(ballast));

        UserError error = Assert.Throws<UserError>(() => ProfileParts.Write(Path.Join(disk.Path, "a.pb.gz"), profile, 500_000));
        Assert.Equal(ExitCode.Tracing, error.Code);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Contains("No space left", error.Message);
        Assert.EndsWith("has the rest without times", error.Message);
        List<PprofFile> files = [.. Directory.GetFiles(disk.Path).Select(PprofFile.Read)];
        Assert.True(files.Count >= 2);
        Assert.Equal(samples.Sum(s => s.CpuNanos), files.SelectMany(file => file.Samples).Sum(s => s.Values[1]));
        Assert.Single(files, file => file.Samples.All(s => s.Label("end_timestamp_ns") is null));
        Assert.All(Directory.GetFileSystemEntries(disk.Path), path => Assert.EndsWith(".pb.gz", path));
    }

    [Fact]
    public void DiskWithoutAnyRoomIsOneLine()
    {
        using var disk = SmallDisk.Mount(megabytes: 1);
        // The file system counts pages: not one is left.
        using (var ballast = new FileStream(Path.Join(disk.Path, "x"), FileMode.Create, FileAccess.Write, FileShare.None, 1))
        {
            try
            {
                while (true)
                    ballast.Write(new byte[4096]);
            }
            catch (IOException)
            {
            }
        }
        UserError error = Assert.Throws<UserError>(() => ProfileParts.Write(Path.Join(disk.Path, "a.pb.gz"), Timed(Samples(1000))));
        Assert.Equal(ExitCode.Tracing, error.Code);
        Assert.EndsWith("; nothing was written", error.Message);
        Assert.Single(Directory.GetFileSystemEntries(disk.Path));
    }

    private string InDirectory(string name) => Path.Join(directory, name);

    private static Profile Timed(List<ProfileSample> samples, Action? onDispose = null)
    {
        List<ProfileSample> sums = [.. samples.GroupBy(s => (s.Thread, s.Stack), (key, all) =>
            new ProfileSample(key.Stack, key.Thread, all.Sum(s => s.Count), all.Sum(s => s.CpuNanos), null))];
        return new Profile(new UnixNanos(Start), Duration, 1000, TinyProfile.Main, sums, ["c"])
        {
            Timed = new List(samples, onDispose),
        };
    }

    private static List<ProfileSample> Samples(int count)
    {
        var random = new Random(3);
        List<Location> places = [.. Enumerable.Range(0, 60).Select(i =>
            new Location(TinyProfile.App, new InstructionPointer((ulong)i), [new Line(new Function($"App.Type{i}.Method()", "", "", 0), 0)]))];
        List<IReadOnlyList<Location>> stacks = [.. Enumerable.Range(0, 40).Select(_ =>
            (IReadOnlyList<Location>)[.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => places[random.Next(60)])])];
        List<ProfileThread> threads = [new(1, "a"), new(2, "b"), new(3, "")];
        return [.. Enumerable.Range(0, count).Select(i => new ProfileSample(
            stacks[random.Next(40)], threads[random.Next(3)], 1, random.Next(1_000_000), new UnixNanos(Start + Duration / 2 * i / count)))];
    }

    private sealed class List(List<ProfileSample> samples, Action? onDispose) : ITimedSamples
    {
        public IEnumerator<ProfileSample> GetEnumerator() => samples.GetEnumerator();

        public void Dispose() => onDispose?.Invoke();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
