using System.Globalization;
using System.IO.Compression;
using DotnetPprof.Bench.Processes;
using DotnetPprof.Emit;
using Pprof = Perftools.Profiles;

namespace DotnetPprof.Bench.StackTruth;

/// <summary>This profiler, attached.</summary>
/// <param name="engine">As <c>--engine</c> names it.</param>
/// <param name="rateHz">Samples a second of a busy thread.</param>
internal sealed class OwnStacks(string engine, int rateHz) : IStackTool
{
    /// <summary>What the collector says of code that it has no name for.</summary>
    private static readonly HashSet<string> nameless = ["[runtime stubs]", "[anonymous code]", "[unknown]"];

    private static readonly TimeSpan patience = TimeSpan.FromSeconds(60);

    public string Name => $"dotnet-pprof --engine {engine}";

    public IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>();

    public IReadOnlyList<SampledStack> Record(int pid, TimeSpan length)
    {
        string path = Path.Combine(Path.GetTempPath(), $"truth-{pid}.pb.gz");
        try
        {
            using ChildProgram collector = ChildProgram.StartCollector(
                "collect", "-p", Text(pid), "-r", Text(rateHz), "-d", Text(length.TotalSeconds), "--engine", engine, "-o", path);
            if (collector.WaitForExit(length + patience) != 0)
                throw new BenchException(collector.Complaint);
            return Read(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static List<SampledStack> Read(string path)
    {
        using var file = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        Pprof.Profile profile = Pprof.Profile.Parser.ParseFrom(file);
        string Of(long index) => profile.StringTable[(int)index];
        Dictionary<ulong, string> functions = profile.Function.ToDictionary(function => function.Id, function => WithoutArguments(Of(function.Name)));
        Dictionary<ulong, string?[]> locations = profile.Location.ToDictionary(
            location => location.Id,
            location => location.Line.Count == 0 ? [null] : location.Line.Select(line => functions[line.FunctionId]).Select(name => nameless.Contains(name) ? null : name).ToArray());
        return [.. from sample in profile.Sample
                   let thread = sample.Label.FirstOrDefault(label => Of(label.Key) == SampleLabels.OfFiles.ThreadId)
                   where thread is not null
                   select new SampledStack(
                       int.Parse(Of(thread.Str), CultureInfo.InvariantCulture), sample.Value[0], sample.Value[1], [.. sample.LocationId.SelectMany(id => locations[id])])];
    }

    private static string WithoutArguments(string name) => name.IndexOf('(') is var at and > 0 ? name[..at] : name;

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
